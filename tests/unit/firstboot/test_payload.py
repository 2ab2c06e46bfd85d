from __future__ import annotations

import base64
import gzip
import json
import random
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import PlanError
from provision.firstboot.compile import compile_cluster
from provision.firstboot.ignition import dataurl, serialise
from provision.firstboot.inflate import unpacked
from provision.firstboot.markers import fill_slots
from provision.firstboot.payload import ENCODERS, URL_ROOM, Fill, Form, fill, fit, stub
from provision.firstboot.recipe import Recipe, bind
from provision.firstboot.slots import Kind, Slot
from provision.provider import Traits
from provision.spec.model import Etcd, Payloads
from tests.unit.firstboot.clusters import EC2, TRAITS, cluster, materials, pool

VSPHERE = Traits(payload_limit=65_536, encoding="gzip+base64")
OPENSTACK = Traits(payload_limit=65_535, encoding="base64")
GCE = Traits(payload_limit=262_144)
FREE = Traits()


def config(size: int, version: str = "3.3.0", *, noise: bool = False) -> str:
    """Return a config's text of a size in bytes, of one long unit."""
    letters = random.Random(size).choices(string.ascii_letters, k=size) if noise else ["x"] * size
    whole = {"ignition": {"version": version}, "systemd": {"units": [{"name": "a.service", "contents": "#"}]}}
    missing = size - len(serialise(whole))
    whole["systemd"]["units"][0]["contents"] = "#" + "".join(letters[:missing])  # type: ignore[index]
    return serialise(whole)


def unfold(data: str) -> str:
    replaced = json.loads(data)["ignition"]["config"]["replace"]
    assert replaced["compression"] == "gzip"
    return gzip.decompress(base64.b64decode(replaced["source"].partition(",")[2])).decode()


@pytest.mark.parametrize(
    ("traits", "size", "form"),
    [
        (FREE, 1_000_000, Form.WHOLE),
        (EC2, 16_384, Form.WHOLE),
        (EC2, 16_385, Form.STUB),
        (GCE, 262_144, Form.WHOLE),
        (GCE, 262_145, Form.STUB),
        (OPENSTACK, 49_149, Form.WHOLE),  # base64 of 49,149 bytes has 65,532
        (OPENSTACK, 49_152, Form.STUB),
        (VSPHERE, 1_000_000, Form.WHOLE),
    ],
)
def test_limits_count_what_the_channel_counts(traits: Traits, size: int, form: Form) -> None:
    text = config(size)
    assert len(text) == size
    data = fit(text, "3.3.0", traits)
    assert (data == ENCODERS[traits.encoding](text)) is (form is Form.WHOLE)
    assert len(data) <= (traits.payload_limit or size)


def test_each_encoding_gives_the_config_back() -> None:
    text = config(20_000)
    assert fit(text, "3.3.0", FREE) == text
    assert base64.b64decode(fit(text, "3.3.0", OPENSTACK)).decode() == text
    assert gzip.decompress(base64.b64decode(fit(text, "3.3.0", VSPHERE))).decode() == text
    assert unfold(fit(text, "3.3.0", EC2)) == text
    assert unfold(base64.b64decode(fit(config(60_000), "3.3.0", OPENSTACK)).decode()) == config(60_000)


def test_the_same_config_gives_the_same_stub() -> None:
    assert fit(config(20_000), "3.3.0", EC2) == fit(config(20_000), "3.3.0", EC2)


def test_a_spec_without_compressed_references_has_no_stub() -> None:
    with pytest.raises(PlanError, match=r"20,000 bytes fits in no form into 16,384 bytes \[PV407\]"):
        fit(config(20_000, "3.0.0"), "3.0.0", EC2)


def test_what_does_not_compress_does_not_fit() -> None:
    with pytest.raises(PlanError, match="PV407") as caught:
        fit(config(40_000, noise=True), "3.3.0", EC2)
    assert "URL" in (caught.value.hint or "")


URL = "https://bucket.example.com/demo/0"
VIRTUALBOX = Traits(payload_limit=1024)


@pytest.mark.parametrize("version", ["2.3.0", "3.0.0", "3.3.0"])
def test_a_stub_names_address_and_hash(version: str) -> None:
    stubbed = json.loads(stub(version, URL, "0" * 128, EC2))["ignition"]
    assert stubbed["config"] == {"replace": {"source": URL, "verification": {"hash": f"sha512-{'0' * 128}"}}}
    assert stubbed["version"] == version


def test_a_stub_is_encoded_and_counted_as_its_channel_does() -> None:
    whole = stub("3.3.0", URL, "0" * 128, FREE)
    assert base64.b64decode(stub("3.3.0", URL, "0" * 128, OPENSTACK)).decode() == whole
    assert gzip.decompress(base64.b64decode(stub("3.3.0", URL, "0" * 128, VSPHERE))).decode() == whole
    with pytest.raises(PlanError, match=r"a stub of [0-9,]+ bytes.*into 1,024 bytes \[PV407\]"):
        stub("3.3.0", f"https://bucket.example.com/{'x' * 1000}", "0" * 128, VIRTUALBOX)


@pytest.mark.parametrize(
    ("store", "traits", "form", "fits"),
    [
        (None, VIRTUALBOX, Form.STUB, False),
        ("serve", VIRTUALBOX, Form.EXTERNAL, True),
        ("https://boot.example.com/bodies", VIRTUALBOX, Form.EXTERNAL, True),
        ("s3://my-bucket", VIRTUALBOX, Form.EXTERNAL, False),  # what a session signs may be longer than the channel
        ("s3://my-bucket", replace(EC2, payload_limit=3000), Form.EXTERNAL, True),
        ("gs://my-bucket", replace(EC2, payload_limit=3000), Form.EXTERNAL, True),
        ("s3://my-bucket", GCE, Form.WHOLE, True),  # a store is the last resort
        ("s3://my-bucket", EC2, Form.STUB, True),
    ],
)
def test_the_store_is_the_last_resort(store: str | None, traits: Traits, form: Form, fits: bool) -> None:
    payloads = Payloads(store) if store else None
    recipe = voter()
    found = fill(recipe, traits, payloads)
    assert (found.form, found.fits) == (form, fits)
    if form is Form.EXTERNAL and fits:
        room = URL_ROOM.get(payloads.scheme, len(store or "") + 65) if payloads else 0
        assert len(stub(recipe.spec_version, "x" * room, "0" * 128, traits)) <= found.size


def test_gzip_does_better_on_the_whole() -> None:
    text = "".join(f"line {n} of the same sort of text\n" for n in range(300))
    files = []
    for n in range(8):
        source, packed = dataurl.encode(f"{n}{text}".encode(), compress=True)
        assert packed
        files.append({"path": f"/etc/{n}", "contents": {"source": source, "compression": "gzip"}})
    whole = serialise({"ignition": {"version": "3.3.0"}, "storage": {"files": files}})
    stub = fit(whole, "3.3.0", Traits(payload_limit=len(whole) - 1))
    assert len(stub) < len(whole) / 2
    for file in json.loads(unfold(stub))["storage"]["files"]:
        assert dataurl.decode(file["contents"]["source"]).decode() == f"{file['path'][-1]}{text}"
        assert "compression" not in file["contents"]


@pytest.mark.parametrize(
    "contents",
    [
        {"source": "data:;base64,AAAA", "compression": "gzip"},
        {"source": "https://example.com/x.gz", "compression": "gzip"},
        {"source": dataurl.encode(b"x" * 500, compress=True)[0], "compression": "gzip", "verification": {"hash": "h"}},
    ],
)
def test_what_cannot_or_must_not_be_unpacked_stays(contents: dict[str, Any]) -> None:
    whole = serialise({"ignition": {"version": "3.3.0"}, "storage": {"files": [{"path": "/x", "contents": contents}]}})
    assert unpacked(whole, "3.3.0") == whole


def voter(provider: str = "ec2") -> Recipe:
    machines = pool(3, os="flatcar", provider=provider, etcd=True)
    etcd = Etcd(bootstrap="static" if provider == "ec2" else "discovery", tls=provider == "ec2")
    found = compile_cluster(cluster(*machines, etcd=etcd), traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    return found.recipes["demo-core-1"]


@pytest.mark.parametrize("traits", [EC2, GCE, OPENSTACK, VSPHERE, FREE])
def test_a_voter_fits_everywhere_and_more_than_was_foretold_never_comes(traits: Traits) -> None:
    recipe = voter()
    foretold = fill(recipe, traits)
    assert foretold.fits
    payload = fit(bind(recipe, materials(recipe)), recipe.spec_version, traits)
    assert len(payload) <= foretold.size


def test_a_channel_that_is_too_small() -> None:
    assert fill(voter(), Traits(payload_limit=1024)) == Fill(
        fill(voter(), Traits(payload_limit=1024)).size, 1024, Form.STUB
    )
    assert not fill(voter(), Traits(payload_limit=1024)).fits


printable = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=200)


@given(material=printable, place=st.sampled_from(["data", "plain"]), limit=st.sampled_from([0, 700, 900, 2000]))
def test_the_bound_holds_for_any_secret(material: str, place: str, limit: int) -> None:
    slot = Slot("s", Kind.SECRET, 200)
    contents = f"data:,{slot.marker}" if place == "data" else "data:,x"
    user = {"name": "core", "passwordHash": slot.marker if place == "plain" else "x"}
    body = {
        "ignition": {"version": "3.3.0"},
        "passwd": {"users": [user]},
        "storage": {"files": [{"path": "/x", "contents": {"source": contents}}]},
    }
    recipe = Recipe.of("m", "3.3.0", body, {"s": slot})
    traits = replace(FREE, payload_limit=limit)
    foretold = fill(recipe, traits)
    bound = serialise(fill_slots(body, {"s": material}))
    if foretold.fits:
        assert len(fit(bound, "3.3.0", traits)) <= max(foretold.size, limit)
