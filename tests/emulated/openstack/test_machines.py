"""Machines and parts through the contract: what is asked for, what is read, what is refused."""

from __future__ import annotations

import bz2
import hashlib
import lzma
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Change, Owner, State, batch_token
from tests.emulated.openstack import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json, Request
    from provision_openstack import OpenStack
    from tests.emulated.openstack.lab import Strict

SECRET = "c2VjcmV0" * 20
ISOLATED = {**lab.PLAIN, "router": False}


@pytest.fixture
def cloud(strict: Strict, tmp_path: Path) -> OpenStack:
    return lab.provider(ISOLATED, tmp_path, share="machines")


@pytest.fixture
def inputs(cloud: OpenStack) -> Json:
    return lab.make_parts(cloud, cloud.parts(lab.wanted(ISOLATED, ["a"], lab.image(cloud))))


def batch(cloud: OpenStack, inputs: Json, names: list[str], **others: object) -> list[Request]:
    token = batch_token(lab.UID, dict.fromkeys(names, 1))
    made = lab.requests(ISOLATED, names, lab.image(cloud), inputs, **others)  # type: ignore[arg-type]
    return [replace(request, token=token) for request in made]


def test_a_machine_is_asked_for_with_all_that_it_needs(cloud: OpenStack, inputs: Json, strict: Strict) -> None:
    [request] = lab.requests(ISOLATED, ["demo-core-1"], lab.image(cloud), inputs, address="10.99.0.10")
    lab.good(cloud.create([replace(request, protect=True)]))
    server = strict.server("demo-core-1")
    assert server["user_data"] == lab.PAYLOAD
    assert server["config_drive"] is True
    assert server["key_name"] == f"provision-demo-{lab.UID}"
    marks = {f"provision:{k}": v for k, v in lab.labels("demo-core-1").to_dict().items()}
    assert server["metadata"] == {**marks, "provision:token": request.token, "provision:protected": "true"}


def test_a_batch_is_one_call_and_every_name_is_found_again(cloud: OpenStack, inputs: Json, strict: Strict) -> None:
    names = [f"demo-w-{n}" for n in (1, 2, 3, 10, 11)]
    strict.ask("forget", {})
    made = {o.name: o.id for o in lab.good(cloud.create(batch(cloud, inputs, names)))}
    assert strict.counts() == {"GET /servers/detail": 2, "POST /servers": 1, "GET /flavors/detail": 1}
    assert sorted(made) == sorted(names)
    assert {o.name: o.id for o in cloud.list(lab.OWNER) if o.kind == MACHINE} == made
    assert (
        len({strict.server(f"demo-{batch_token(lab.UID, dict.fromkeys(names, 1))[:8]}-{n}")["id"] for n in (1, 5)}) == 2
    )


def test_a_refusal_tells_nothing_of_the_first_boot_config(cloud: OpenStack, inputs: Json) -> None:
    [request] = lab.requests(ISOLATED, ["demo-w-1"], lab.image(cloud), inputs, payload=SECRET * 500)
    [outcome] = cloud.create([request])
    assert outcome.error is not None
    assert outcome.error.kind is Kind.INVALID
    assert SECRET not in str(outcome.error)
    assert "user_data" in str(outcome.error)


def test_a_machine_in_error_is_read_with_its_fault_and_goes(cloud: OpenStack, inputs: Json, strict: Strict) -> None:
    lab.good(cloud.create(lab.requests(ISOLATED, ["demo-w-1"], lab.image(cloud), inputs, size="m1.giant")))
    seen = next(cloud.list(lab.OWNER))
    while seen.state is State.PENDING:
        seen = next(cloud.list(lab.OWNER))
    assert (seen.state, seen.detail) == (State.FAILED, "No valid host was found. ")
    lab.good(cloud.delete([seen]))
    assert "machine" not in strict.world()


def test_an_image_must_be_pinned(cloud: OpenStack, inputs: Json) -> None:
    [outcome] = cloud.create(lab.requests(ISOLATED, ["demo-w-1"], "cirros", inputs))
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.code) == (Kind.INVALID, "ImageNotPinned")
    assert "provision lock" in (outcome.error.hint or "")


def test_names_mean_ids_and_many_of_a_name_mean_none(cloud: OpenStack) -> None:
    image = cloud.resolve("cirros")
    assert cloud.resolve(image) == image
    with pytest.raises(ProviderError) as caught:
        cloud.resolve("flatcar-stable")
    assert caught.value.kind is Kind.NOT_FOUND
    assert "upload_images" in (caught.value.hint or "")
    cloud._cloud.call("image", "POST", "/images", {"name": "twice", "visibility": "private"})
    for _ in range(2):
        number = cloud._cloud.call("image", "POST", "/images", {"name": "twice", "visibility": "private"})["id"]
        cloud._cloud.call("image", "PUT", f"/images/{number}/file", data=b"QFI\xfb")
    with pytest.raises(ProviderError) as caught:
        cloud.resolve("twice")
    assert "2 images are called 'twice'" in str(caught.value)
    with pytest.raises(ProviderError):
        cloud.resolve("https://example.com/no-digest.img")


@pytest.mark.parametrize("suffix", ["", ".xz", ".bz2"])
def test_an_image_is_downloaded_verified_and_uploaded_once(
    cloud: OpenStack, strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    data = b"QFI\xfb" + bytes(3 << 20)
    packed = {"": data, ".xz": lzma.compress(data), ".bz2": bz2.compress(data[:9]) + bz2.compress(data[9:])}[suffix]
    digest = hashlib.sha256(packed).hexdigest()
    kept = tmp_path / "images" / f"openstack-{digest}"
    kept.parent.mkdir()
    kept.write_bytes(packed)  # in the cache already; downloads are proven in the unit tests
    wanted = lab.wanted(ISOLATED, ["demo-w-1"], f"https://example.com/disk.qcow2{suffix}#sha256={digest}")
    made = lab.make_parts(cloud, cloud.parts(wanted))
    assert lab.make_parts(cloud, cloud.parts(wanted)) == made
    [image] = strict.world()["image"]
    item = cloud._cloud.call("image", "GET", f"/images/{image}")
    assert item["os_hash_value"] == hashlib.sha512(data).hexdigest()
    name = wanted.machines[0].image
    [machine] = lab.good(cloud.create(lab.requests(ISOLATED, ["demo-w-1"], name, made)))
    assert strict.server("demo-w-1")["image"] == image
    [seen] = [o for o in cloud.list(lab.OWNER) if o.kind == "image"]
    later = Change(seen, labels=seen.labels.expiring("2030-01-01T00:00:00Z") if seen.labels else None)
    lab.good(cloud.change([later]))
    assert [o.labels for o in cloud.list(lab.OWNER) if o.kind == "image"] == [later.labels]
    lab.good(cloud.delete([machine, seen]))
    assert "image" not in strict.world()


def test_boot_from_a_volume_is_asked_for(cloud: OpenStack, inputs: Json, strict: Strict) -> None:
    given = {**ISOLATED, "volume": {"size_gib": 20, "type": "ssd"}}
    lab.good(cloud.create(lab.requests(given, ["demo-w-1"], lab.image(cloud), inputs)))
    assert strict.server("demo-w-1")["image"] == ""


def test_power_and_console(cloud: OpenStack, inputs: Json) -> None:
    lab.good(cloud.create(lab.requests(ISOLATED, ["demo-w-1"], lab.image(cloud), inputs)))
    seen = next(cloud.list(lab.OWNER))
    while seen.state is State.PENDING:
        seen = next(cloud.list(lab.OWNER))
    assert "FAKE CONSOLE" in cloud.console(seen)
    for on, state in ((False, State.STOPPED), (False, State.STOPPED), (True, State.RUNNING), (True, State.RUNNING)):
        cloud.power(seen, on)
        assert next(cloud.list(lab.OWNER)).state is state


def test_ssh_networks_are_changed_in_place(cloud: OpenStack, inputs: Json) -> None:
    [group] = [o for o in cloud.list(lab.OWNER) if o.kind == "security-group"]
    new = ["10.0.0.0/8", "2001:db8::/32"]
    for _ in range(2):
        lab.good(cloud.change([Change(group, body={"ssh_from": new})]))
    item = cloud._cloud.call("network", "GET", f"/security-groups/{group.id}")["security_group"]
    rules = item["security_group_rules"]
    assert sorted(r["remote_ip_prefix"] for r in rules if r["remote_ip_prefix"]) == new
    [outcome] = cloud.change([Change(group, body={"name": "x"})])
    assert outcome.error is not None
    assert outcome.error.kind is Kind.UNSUPPORTED


def test_a_part_that_was_begun_is_finished_by_the_same_request(strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider({}, tmp_path, share="machines")
    strict.faults(
        {"call": "PUT /routers/*/add_router_interface", "reset": True, "times": 1},
        {"call": "POST /security-group-rules", "status": 500, "times": 1},
    )
    made: Json = {}
    for part in cloud.parts(lab.wanted({}, ["demo-w-1"], "x")):
        if part.body.get("after_machines"):
            continue
        request = replace(part, inputs={name: made[name] for name in part.needs})
        [outcome] = cloud.create([request])
        if part.kind in ("router", "security-group"):
            assert outcome.error is not None
            assert outcome.error.kind is Kind.AMBIGUOUS
            [half] = [o for o in cloud.list(lab.OWNER) if o.name == part.name]
            assert half.labels is not None
            assert (half.state, half.labels.generation) == (State.FAILED, 0)
            [outcome] = cloud.create([request])
        assert outcome.observed is not None
        made[part.name] = dict(outcome.observed.outputs)
    seen = {o.name: o for o in cloud.list(lab.OWNER)}
    assert {name: o.state for name, o in seen.items()} == dict.fromkeys(made, State.RUNNING)
    assert {name: dict(o.outputs) for name, o in seen.items()} == made
    assert {kind: len(ids) for kind, ids in strict.world().items()} == {
        "key-pair": 1, "network": 1, "subnet": 1, "router": 1, "port": 1, "security-group": 1,
    }  # fmt: skip


def test_what_is_in_use_is_a_conflict_that_passes(cloud: OpenStack, inputs: Json) -> None:
    lab.good(cloud.create(lab.requests(ISOLATED, ["demo-w-1"], lab.image(cloud), inputs)))
    while next(cloud.list(lab.OWNER)).state is State.PENDING:
        pass
    shared = [o for o in cloud.list(lab.OWNER) if o.kind in ("network", "subnet", "security-group")]
    errors = [outcome.error for outcome in cloud.delete(shared)]
    assert [(e.kind, e.retryable) for e in errors if e] == [(Kind.CONFLICT, True)] * 3


def test_a_list_during_which_something_vanishes_may_be_asked_for_again(cloud: OpenStack, strict: Strict) -> None:
    strict.faults({"call": "GET /networks", "status": 404, "code": "NetworkNotFound"})
    with pytest.raises(ProviderError) as caught:
        list(cloud.list(lab.OWNER))
    assert (caught.value.kind, caught.value.retryable) == (Kind.UNAVAILABLE, True)


def test_others_things_are_not_ours(cloud: OpenStack, inputs: Json, strict: Strict) -> None:
    network = inputs["openstack.network"]["id"]
    item = {
        "name": "theirs", "imageRef": lab.image(cloud), "flavorRef": cloud._catalogue.flavor("m1.tiny")["id"],
        "networks": [{"uuid": network}],
    }  # fmt: skip
    cloud._cloud.call("compute", "POST", "/servers", {"server": item})
    cloud._cloud.call("compute", "POST", "/os-keypairs", {"keypair": {"name": "provision-me", "public_key": lab.KEY}})
    assert [o.name for o in cloud.list(None) if o.kind in (MACHINE, "key-pair")] == ["openstack.key-pair"]
    assert list(cloud.list(Owner("other", ""))) == []
