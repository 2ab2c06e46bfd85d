from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import PlanError
from provision.firstboot.canonical import MAX_SHOWN, canonical
from provision.firstboot.ignition import dataurl
from provision.firstboot.markers import fill_facts, fill_slots, slot_names
from provision.firstboot.recipe import Recipe, bind, describe
from provision.firstboot.slots import Kind, Slot

TOKEN = Slot("token", Kind.SECRET, 64)


def recipe(body: dict[str, Any], *slots: Slot) -> Recipe:
    whole = {"ignition": {"version": "3.3.0"}, **body}
    return Recipe.of("demo-core-1", "3.3.0", whole, {s.name: s for s in slots})


def file(contents: dict[str, Any], path: str = "/etc/x") -> dict[str, Any]:
    return {"storage": {"files": [{"path": path, "contents": contents}]}}


def unit(contents: str) -> dict[str, Any]:
    return {"systemd": {"units": [{"name": "app.service", "contents": contents}]}}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=16)


@given(before=texts, material=texts, after=texts)
def test_what_is_bound_into_a_file_is_what_the_machine_reads(before: str, material: str, after: str) -> None:
    source = dataurl.escaped(f"{before}{TOKEN.marker}{after}".encode())
    bound = json.loads(bind(recipe(file({"source": source}), TOKEN), {"token": material}))
    url = bound["storage"]["files"][0]["contents"]["source"]
    assert unquote(url.partition(",")[2]) == f"{before}{material}{after}"
    assert dataurl.decode(url).decode() == f"{before}{material}{after}"


@given(material=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=16))
def test_what_is_bound_into_a_unit_stays_within_its_word(material: str) -> None:
    text = f"[Service]\nEnvironment=TOKEN={TOKEN.marker}\n"
    if set(material) & set("\"'\\$"):
        with pytest.raises(PlanError, match=r"app\.service.*\[PV403\]"):
            bind(recipe(unit(text), TOKEN), {"token": material})
    else:
        bound = json.loads(bind(recipe(unit(text), TOKEN), {"token": material}))
        contents = bound["systemd"]["units"][0]["contents"]
        assert contents.replace("%%", "%") == f"[Service]\nEnvironment=TOKEN={material}\n"
        assert "%" not in contents.replace("%%", "")


def test_a_drop_in_counts_as_a_unit() -> None:
    drop_in = {"name": "20-x.conf", "contents": f"[Service]\nEnvironment=A={TOKEN.marker}\n"}
    body = {"systemd": {"units": [{"name": "app.service", "dropins": [drop_in]}]}}
    with pytest.raises(PlanError, match="PV403"):
        bind(recipe(body, TOKEN), {"token": "two\nlines"})
    assert "A=100%%" in bind(recipe(body, TOKEN), {"token": "100%"})


def test_elsewhere_a_material_is_put_in_as_it_is() -> None:
    body = {"passwd": {"users": [{"name": "core", "passwordHash": TOKEN.marker}]}}
    bound = json.loads(bind(recipe(body, TOKEN), {"token": '$y$j9T$"%x'}))
    assert bound["passwd"]["users"][0]["passwordHash"] == '$y$j9T$"%x'


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.BOOTSTRAP, "ETCD_DISCOVERY=http://10.0.2.2:1/abc\nETCD_NAME=a", "ETCD_DISCOVERY=x y"),
        (Kind.BOOTSTRAP, "ETCD_INITIAL_CLUSTER=a=http://10.0.0.1:2380,b=http://10.0.0.2:2380", "LD_PRELOAD=/tmp/x.so"),
        (Kind.DEADLINE, "2031-01-02T03:04:05Z", "tomorrow"),
        (Kind.DEADLINE, "never", "2031-01-02T03:04:05Z\n$(reboot)"),
        (Kind.NONCE, "0" * 32, "0" * 8),
        (Kind.URL, "", "javascript:alert(1)"),
        (Kind.URL, "http://10.0.2.2:1/phone-home/x", "http://x/\nPROVISION_X=1"),
        (Kind.CERTIFICATE, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "MIIB"),
        (Kind.KEY, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\n"),
        (Kind.SECRET, "any 'text' at \n all", "not\0this"),
    ],
)
def test_a_slot_takes_only_its_kind(kind: Kind, good: str, bad: str) -> None:
    slot = Slot("x", kind, 200)
    made = recipe(file({"source": f"data:,{slot.marker}"}), slot)
    assert (
        dataurl.decode(json.loads(bind(made, {"x": good}))["storage"]["files"][0]["contents"]["source"])
        == good.encode()
    )
    with pytest.raises(PlanError, match=r"x is not what it should be.*\[PV401\]") as caught:
        bind(made, {"x": bad})
    assert bad not in str(caught.value)


def test_all_faults_are_told_at_once_and_no_material_is_shown() -> None:
    slots = [Slot(name, Kind.SECRET, 4) for name in ("one", "two", "three")]
    made = recipe(file({"source": "data:," + "".join(s.marker for s in slots)}), *slots)
    with pytest.raises(PlanError) as caught:
        bind(made, {"one": "hunter2-hunter2", "four": "hunter2"})
    message = str(caught.value)
    assert message == (
        "demo-core-1: there is nothing for three, two [PV405]; there is no slot for four [PV400]; "
        "one has 15 bytes, and room for 4 [PV406]"
    )


def test_size_counts_bytes() -> None:
    slot = Slot("x", Kind.SECRET, 3)
    made = recipe(file({"source": f"data:,{slot.marker}"}), slot)
    assert "%E2%82%AC" in bind(made, {"x": "€"})
    with pytest.raises(PlanError, match="has 6 bytes"):
        bind(made, {"x": "€€"})


def test_a_description_shows_slots_by_name() -> None:
    assert "(~provision.slot.token~)" in describe(recipe(file({"source": f"data:,{TOKEN.marker}"}), TOKEN))


def test_the_fingerprint_knows_slots_by_name_and_kind_alone() -> None:
    body = file({"source": f"data:,{TOKEN.marker}"})
    small, large = Slot("token", Kind.SECRET, 10), Slot("token", Kind.SECRET, 4096)
    other = Slot("token", Kind.NONCE, 10)
    assert recipe(body, small).fingerprint == recipe(body, large).fingerprint
    assert recipe(body, small).fingerprint != recipe(body, other).fingerprint


CONTENT = b"the same content " * 40
SPELLINGS: list[dict[str, Any]] = [
    {"source": dataurl.escaped(CONTENT)},
    {"source": dataurl.escaped(CONTENT), "compression": ""},
    {"source": "data:;base64," + base64.b64encode(CONTENT).decode()},
    {"source": "data:text/plain;charset=utf-8;base64," + base64.b64encode(CONTENT).decode()},
    *(
        {"source": "data:;base64," + base64.b64encode(gzip.compress(CONTENT, level)).decode(), "compression": "gzip"}
        for level in (1, 6, 9)
    ),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_how_contents_are_spelt_does_not_matter(spelling: dict[str, Any]) -> None:
    assert recipe(file(spelling)).fingerprint == recipe(file(SPELLINGS[0])).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        file({"source": dataurl.escaped(CONTENT + b"x")}),
        file({"source": "https://example.com/x"}),
        file({"source": SPELLINGS[0]["source"], "verification": {"hash": "sha256-00"}}),
        file(SPELLINGS[0], "/etc/y"),
    ],
)
def test_what_they_say_does(other: dict[str, Any]) -> None:
    assert recipe(other).fingerprint != recipe(file(SPELLINGS[0])).fingerprint


def test_long_and_binary_contents_are_kept_as_digests() -> None:
    long = canonical(file({"source": dataurl.escaped(b"x" * (MAX_SHOWN + 1))}))
    binary = canonical(file({"source": "data:;base64,/w=="}))
    for config in (long, binary):
        assert config["storage"]["files"][0]["contents"]["contents"].startswith("sha256:")
    marked = canonical(file({"source": dataurl.escaped(b"x" * MAX_SHOWN + TOKEN.marker.encode())}))
    assert list(slot_names(marked)) == ["token"]


@pytest.mark.parametrize(
    "broken",
    [
        {"source": "data:;base64,AAAA", "compression": "gzip"},
        {"source": "data:;base64,!", "compression": ""},
        {"source": "data:;base64," + base64.b64encode(gzip.compress(b"a") * 2).decode(), "compression": "gzip"},
    ],
)
def test_what_cannot_be_unpacked_stays_as_it_is(broken: dict[str, Any]) -> None:
    assert canonical(file(broken)) == file(broken)


@given(name=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), text=texts)
def test_facts_may_be_filled_in_before_or_after_the_meaning_is_worked_out(name: str, text: str) -> None:
    marked = f"(~provision.machine.name~) {text}"
    body = {**file({"source": dataurl.escaped(marked.encode())}), **unit(marked)}
    assert canonical(fill_facts(body, {"name": name})) == fill_facts(canonical(body), {"name": name})


def test_filling_leaves_the_other_markers_alone() -> None:
    body = unit(f"(~provision.machine.name~) {TOKEN.marker}")
    assert fill_facts(body, {"name": "a"}) == unit(f"a {TOKEN.marker}")
    assert fill_slots(body, {"token": "t"}) == unit("(~provision.machine.name~) t")
