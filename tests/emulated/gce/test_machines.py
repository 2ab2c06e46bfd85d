"""Machines through the contract: once per token whatever is lost, labels complete at creation, few calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Labels, Owner, State, batch_token
from provision_gce import sdk
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json, Request
    from provision_gce import GCE
    from tests.emulated.gce.lab import Strict

INSERTS = ("instances.insert", "instances.bulkInsert")
LOST = [
    pytest.param({"reset": True, "after": True}, id="answer-lost"),
    pytest.param({"reason": "internalError", "status": 500, "after": True}, id="done-but-500"),
    pytest.param({"reason": "backendError", "status": 503, "after": True}, id="done-but-503"),
]
NAMES = [["demo-w-1"], ["demo-w-1", "demo-w-2", "demo-w-3"]]


@pytest.fixture
def cloud(existing: Json, tmp_path: Path) -> GCE:
    return lab.provider(existing, tmp_path)


def batch(given: Json, names: list[str], **others: Any) -> list[Request]:
    made = lab.requests(given, names, **others)
    if len(names) == 1:
        return made
    token = batch_token(lab.UID, dict.fromkeys(names, 1), lab.ZONE)
    return [replace(request, token=token) for request in made]


def error_of(cloud: GCE, requests: list[Request]) -> ProviderError:
    errors = {repr(outcome.error): outcome.error for outcome in cloud.create(requests)}
    [error] = errors.values()
    assert error is not None
    return error


def test_a_batch_is_one_call_and_its_labels_are_complete(cloud: GCE, existing: Json, strict: Strict) -> None:
    names = [f"demo-w-{n}" for n in range(1, 13)]
    made = lab.good(cloud.create(batch(existing, names)))
    assert {o.name for o in made} == set(names)
    assert all(o.labels == lab.labels(o.name) for o in made)
    assert strict.counts() == {"instances.bulkInsert": 1, "zoneOperations.wait": 1, "instances.list": 1}
    assert {o.name: o.id for o in cloud.list(lab.OWNER)} == {o.name: o.id for o in made}
    assert {o.token for o in cloud.list(lab.OWNER)} == {batch_token(lab.UID, dict.fromkeys(names, 1), lab.ZONE)}


def test_a_batch_of_two_generations_is_two_calls(cloud: GCE, existing: Json, strict: Strict) -> None:
    mixed = [*lab.requests(existing, ["demo-w-1", "demo-w-2"]), *lab.requests(existing, ["demo-w-3"], generation=2)]
    made = lab.good(cloud.create([replace(request, token=lab.UID) for request in mixed]))
    assert {o.name: o.labels.generation for o in made if o.labels} == {"demo-w-1": 1, "demo-w-2": 1, "demo-w-3": 2}
    assert {call: strict.counts()[call] for call in INSERTS} == dict.fromkeys(INSERTS, 1)


def test_what_was_made_is_as_asked(cloud: GCE, existing: Json, strict: Strict) -> None:
    given = {
        **existing,
        "boot_disk": {"type": "pd-ssd", "size_gib": 20},
        "service_account": {"email": "nodes@demo-project.iam.gserviceaccount.com"},
    }
    [request] = lab.requests(given, ["demo-w-1"], payload='{"ignition":{}}', protect=True)
    [made] = lab.good(cloud.create([request]))
    item = strict.machine("demo-w-1")
    assert made.protected
    assert item["deletionProtection"] is True
    metadata = {entry["key"]: entry["value"] for entry in item["metadata"]["items"]}
    assert metadata == {"user-data": '{"ignition":{}}', "block-project-ssh-keys": "TRUE"}
    assert item["serviceAccounts"] == [
        {
            "email": "nodes@demo-project.iam.gserviceaccount.com",
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        }
    ]
    assert item["tags"] == {"items": ["here-before"]}
    assert item["scheduling"]["instanceTerminationAction"] == "DELETE"
    assert strict.send("GET", f"zones/{lab.ZONE}/disks/demo-w-1")[1]["sizeGb"] == "20"


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("names", NAMES, ids=["one", "batch"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["known", "forgotten"])
def test_a_lost_answer_doubles_nothing(
    cloud: GCE, existing: Json, strict: Strict, fault: Json, names: list[str], forgotten: bool
) -> None:
    strict.faults(*({"action": action, "times": 1, **fault} for action in INSERTS))
    requests = batch(existing, names)
    error = error_of(cloud, requests)
    assert (error.kind, error.retryable) == (Kind.AMBIGUOUS, True)
    listed = {o.name: o.id for o in cloud.list(lab.OWNER)}
    assert set(listed) == set(names)
    if forgotten:  # then the names alone tell
        strict.ask("tomorrow", {})
    again = lab.good(cloud.create(requests))
    assert {o.name: o.id for o in again} == listed
    assert strict.ask("ever") == len(names)


@pytest.mark.parametrize("names", NAMES, ids=["one", "batch"])
def test_a_wait_that_fails_leaves_the_machine_in_doubt(
    cloud: GCE, existing: Json, strict: Strict, names: list[str]
) -> None:
    strict.faults({"action": "zoneOperations.wait", "reason": "backendError", "status": 503, "times": 1})
    requests = batch(existing, names)
    assert error_of(cloud, requests).kind is Kind.AMBIGUOUS
    assert len(lab.good(cloud.create(requests))) == len(names) == strict.ask("ever")


def test_what_is_left_of_a_batch_is_made_singly(cloud: GCE, existing: Json, strict: Strict) -> None:
    requests = batch(existing, ["demo-w-1", "demo-w-2", "demo-w-3"])
    lab.good(cloud.create(requests[:1]))
    made = lab.good(cloud.create([replace(r, token=lab.UID) for r in requests]))
    assert sorted(o.name for o in made) == ["demo-w-1", "demo-w-2", "demo-w-3"]
    assert strict.ask("ever") == 3


def test_another_process_resends_the_stored_request(cloud: GCE, existing: Json, strict: Strict, tmp_path: Path) -> None:
    requests = batch(existing, ["demo-w-1", "demo-w-2"])
    first = lab.good(cloud.create(requests))
    stored = [type(request).from_json(request.to_json()) for request in reversed(requests)]
    again = lab.good(lab.provider(existing, tmp_path).create(stored))
    assert {o.name: o.id for o in again} == {o.name: o.id for o in first}
    assert strict.ask("ever") == 2


@pytest.mark.parametrize("names", NAMES, ids=["one", "batch"])
def test_a_token_whose_machine_is_gone_is_told(cloud: GCE, existing: Json, strict: Strict, names: list[str]) -> None:
    requests = batch(existing, names)
    list(cloud.delete(lab.good(cloud.create(requests))[:1]))
    strict.wait_settled()
    states = {o.name: o.state for o in lab.good(cloud.create(requests))}
    assert states[names[0]] is State.DELETING
    assert strict.ask("ever") == len(names)


def test_a_failed_operation_is_not_told_for_ever(cloud: GCE, existing: Json, strict: Strict) -> None:
    requests = lab.requests(existing, ["demo-w-1"])
    strict.faults({"action": "instances.insert", "code": "ZONE_RESOURCE_POOL_EXHAUSTED", "times": 1})
    assert error_of(cloud, requests).kind is Kind.CAPACITY
    lab.good(cloud.create(requests))
    assert strict.ask("ever") == 1


def test_an_older_machine_of_the_name_is_waited_for(cloud: GCE, existing: Json, strict: Strict) -> None:
    lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    error = error_of(cloud, lab.requests(existing, ["demo-w-1"], generation=2))
    assert (error.kind, error.retryable) == (Kind.CONFLICT, True)


def test_nothing_is_made_when_the_call_never_got_through(strict: Strict, existing: Json, tmp_path: Path) -> None:
    nobody = {**existing, "endpoint_url": "http://127.0.0.1:1"}
    error = error_of(lab.provider(nobody, tmp_path), lab.requests(nobody, ["demo-w-1"]))
    assert (error.kind, error.retryable) == (Kind.UNAVAILABLE, True)


def test_plain_http_goes_no_further_than_this_computer(strict: Strict, existing: Json, tmp_path: Path) -> None:
    far = {**existing, "endpoint_url": "http://192.0.2.1"}
    error = error_of(lab.provider(far, tmp_path), lab.requests(far, ["demo-w-1"]))
    assert (error.kind, error.code) == (Kind.INVALID, "PlainEndpoint")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"reason": "rateLimitExceeded", "status": 403}, Kind.THROTTLED),
        ({"reason": "", "status": 429}, Kind.THROTTLED),
        ({"code": "ZONE_RESOURCE_POOL_EXHAUSTED"}, Kind.CAPACITY),
        ({"code": "VM_MIN_COUNT_NOT_REACHED"}, Kind.CAPACITY),
        ({"code": "QUOTA_EXCEEDED"}, Kind.QUOTA),
        ({"reason": "quotaExceeded", "status": 403}, Kind.QUOTA),
        ({"reason": "forbidden", "status": 403}, Kind.AUTH),
        ({"reason": "accessNotConfigured", "status": 403}, Kind.AUTH),
        ({"reason": "resourceNotReady", "status": 400}, Kind.NOT_YET_VISIBLE),
        ({"reason": "invalid", "status": 400}, Kind.INVALID),
    ],
)
@pytest.mark.parametrize("names", NAMES, ids=["one", "batch"])
def test_refusals_are_definite(
    cloud: GCE, existing: Json, strict: Strict, fault: Json, kind: Kind, names: list[str]
) -> None:
    strict.faults(*({"action": action, "times": 1, **fault} for action in INSERTS))
    assert error_of(cloud, batch(existing, names)).kind is kind
    assert strict.world() == {}


def test_a_planned_address_is_kept_in_any_zone(strict: Strict, tmp_path: Path) -> None:
    given = lab.options()
    cloud = lab.provider(given, tmp_path)
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(given, ["demo-core-1"])))
    lab.good(cloud.create(lab.requests(given, ["demo-core-1"], made, zone=lab.ZONES[1], address="10.99.0.10")))
    [seen] = [o for o in cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert (seen.addresses["private"], seen.zone) == ("10.99.0.10", lab.ZONES[1])
    error = error_of(cloud, lab.requests(given, ["demo-core-2"], made, address="10.99.0.10"))
    assert (error.kind, error.code) == (Kind.CONFLICT, "IP_IN_USE_BY_ANOTHER_RESOURCE")


def test_deleting_is_going_first_and_absent_then(cloud: GCE, existing: Json, strict: Strict) -> None:
    made = lab.good(cloud.create(batch(existing, ["demo-w-1", "demo-w-2"])))
    assert [o.state for o in lab.good(cloud.delete(made))] == [State.DELETING] * 2
    strict.wait_settled()
    assert list(cloud.list(lab.OWNER)) == []
    assert [(o.observed, o.error) for o in cloud.delete(made)] == [(None, None)] * 2


def test_what_is_going_is_told_from_what_is_being_stopped(cloud: GCE, existing: Json, strict: Strict) -> None:
    requests = lab.requests(existing, ["demo-w-1", "demo-w-2"])
    made = lab.good(cloud.create(requests))
    strict.set(latency=1.0)
    list(cloud.delete(made[:1]))
    assert strict.send("POST", f"zones/{lab.ZONE}/instances/demo-w-2/stop")[0] == 200
    assert {o.name: o.state for o in cloud.list(lab.OWNER)} == {"demo-w-1": State.DELETING, "demo-w-2": State.STOPPED}
    again = {o.name: o.state for o in lab.good(cloud.create(requests))}
    assert again == {"demo-w-1": State.DELETING, "demo-w-2": State.STOPPED}


def test_a_deletion_does_not_hit_a_machine_that_was_made_anew(cloud: GCE, existing: Json, strict: Strict) -> None:
    [old] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    list(cloud.delete([old]))
    strict.wait_settled()
    [new] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"], generation=2)))
    list(cloud.delete([old]))
    assert [o.id for o in cloud.list(lab.OWNER)] == [new.id]


def test_protection_refuses_one_machine_alone(cloud: GCE, existing: Json, strict: Strict) -> None:
    made = lab.good(cloud.create(batch(existing, ["demo-w-1", "demo-w-2"])))
    [guarded] = lab.good(cloud.create(lab.requests(existing, ["demo-p-1"], protect=True)))
    outcomes = {o.name: o for o in cloud.delete([guarded, *made])}
    assert outcomes["demo-p-1"].error is not None
    assert outcomes["demo-p-1"].error.kind is Kind.INVALID
    strict.wait_settled()
    assert strict.world()["instances"] == ["demo-p-1"]


def test_only_the_owners_things_are_listed(cloud: GCE, existing: Json) -> None:
    other_uid = "00000000-0000-4000-8000-000000000000"
    mine, theirs, other = lab.requests(existing, ["demo-w-1", "demo-w-2", "demo-w-3"])
    theirs = replace(theirs, labels=replace(theirs.labels, uid=other_uid))
    other = replace(other, labels=replace(other.labels, cluster="other", uid=other_uid))
    for request in (mine, theirs, other):
        lab.good(cloud.create([request]))

    def whose(owner: Owner | None) -> set[Labels | None]:
        return {o.labels for o in cloud.list(owner)}

    assert whose(lab.OWNER) == {mine.labels}
    assert whose(Owner("demo", "")) == {mine.labels, theirs.labels}
    assert whose(None) == {mine.labels, theirs.labels, other.labels}


def test_a_list_that_cannot_be_finished_raises(cloud: GCE, existing: Json, strict: Strict) -> None:
    lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    strict.faults({"action": "firewalls.list", "reason": "backendError", "status": 503})
    with pytest.raises(ProviderError) as caught:
        list(cloud.list(lab.OWNER))
    assert caught.value.kind is Kind.UNAVAILABLE


def test_a_disk_that_a_machine_left_over_is_found_and_removed(cloud: GCE, existing: Json, strict: Strict) -> None:
    [request] = lab.requests(existing, ["demo-w-1"])
    lab.good(cloud.create([request]))
    item = strict.machine("demo-w-1")
    keep = [{**disk, "autoDelete": False} for disk in item["disks"]]
    strict.ask("edit", {"kind": "instances", "place": lab.ZONE, "name": "demo-w-1", "fields": {"disks": keep}})
    assert [o.kind for o in cloud.list(lab.OWNER)] == [MACHINE]  # a disk in use is its machine's
    list(cloud.delete(list(cloud.list(lab.OWNER))))
    strict.wait_settled()
    [left] = cloud.list(lab.OWNER)
    assert (left.kind, left.labels) == ("disk", request.labels)
    lab.good(cloud.delete([left]))
    assert strict.world() == {}


def test_what_is_not_provisions_is_told_apart(cloud: GCE, existing: Json, strict: Strict) -> None:
    lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    body = {
        "name": "theirs",
        "machineType": f"zones/{lab.ZONE}/machineTypes/e2-small",
        "disks": [{"boot": True, "initializeParams": {"sourceImage": lab.IMAGE}}],
        "networkInterfaces": [{"subnetwork": f"regions/{lab.REGION}/subnetworks/default"}],
    }
    assert strict.send("POST", f"zones/{lab.ZONE}/instances", body)[0] == 200
    strict.ask("add", {"kind": "disks", "place": lab.ZONE, "item": {"name": "spare"}})
    rule = {"name": "open", "allowed": [{"IPProtocol": "icmp"}]}
    assert strict.send("POST", "global/firewalls", rule)[0] == 200
    found = [(o.kind, o.outputs.get("name", o.name)) for o in cloud.unlabelled()]
    assert found == [
        (MACHINE, "theirs"), ("disk", "spare"), ("network", "other"), ("subnetwork", "other"), ("firewall", "open"),
    ]  # fmt: skip
    assert all(o.labels is None for o in cloud.unlabelled())


def test_pages_are_read_to_the_end(cloud: GCE, existing: Json, strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"demo-w-{n}" for n in range(1, 8)]
    lab.good(cloud.create(batch(existing, names)))
    monkeypatch.setattr(sdk, "PAGE", 3)
    assert {o.name for o in cloud.list(lab.OWNER)} == set(names)
    assert strict.counts()["instances.aggregatedList"] == 3


def test_the_console_is_shown_whole(cloud: GCE, existing: Json, strict: Strict) -> None:
    [made] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    assert cloud.console(made) == "demo-w-1 login: Ignition finished successfully\n" * 4
    assert strict.counts()["instances.getSerialPortOutput"] > 2  # it comes in pieces


def test_spot_machines_are_asked_for(cloud: GCE, existing: Json, strict: Strict) -> None:
    lab.good(cloud.create(batch({**existing, "spot": True}, ["demo-w-1", "demo-w-2"])))
    assert strict.machine("demo-w-1")["scheduling"]["provisioningModel"] == "SPOT"


def test_machines_are_switched(cloud: GCE, existing: Json) -> None:
    [made] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    for on, state in ((False, State.STOPPED), (False, State.STOPPED), (True, State.RUNNING), (True, State.RUNNING)):
        cloud.power(made, on)
        assert next(cloud.list(lab.OWNER)).state is state
