"""Machines through the contract: once per token whatever is lost, labels complete at creation, few calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Labels, Owner, State, batch_token
from tests.emulated.ec2 import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json, Request
    from provision_ec2 import EC2
    from tests.emulated.ec2.lab import Strict

LOST = [
    pytest.param({"reset": True, "after": True}, id="answer-lost"),
    pytest.param({"code": "InternalError", "status": 500, "after": True}, id="done-but-500"),
    pytest.param({"code": "Unavailable", "status": 503, "after": True}, id="done-but-503"),
]


@pytest.fixture
def cloud(existing: Json, tmp_path: Path) -> EC2:
    return lab.provider(existing, tmp_path)


def batch(given: Json, names: list[str], **others: Any) -> list[Request]:
    made = lab.requests(given, names, **others)
    token = batch_token(lab.UID, dict.fromkeys(names, 1), others.get("zone", ""))
    return [replace(request, token=token) for request in made]


def error_of(cloud: EC2, requests: list[Request]) -> ProviderError:
    errors = {repr(outcome.error): outcome.error for outcome in cloud.create(requests)}
    [error] = errors.values()
    assert error is not None
    return error


def test_a_batch_is_one_call_and_its_labels_are_complete(cloud: EC2, existing: Json, strict: Strict) -> None:
    names = [f"demo-w-{n}" for n in range(1, 13)]
    made = lab.good(cloud.create(batch(existing, names)))
    assert {o.name for o in made} == set(names)
    assert all(o.labels == lab.labels(o.name) for o in made)
    assert strict.counts() == {"DescribeSubnets": 1, "RunInstances": 1}
    assert {o.name: o.id for o in cloud.list(lab.OWNER)} == {o.name: o.id for o in made}
    assert {o.token for o in cloud.list(lab.OWNER)} == {batch_token(lab.UID, dict.fromkeys(names, 1))}


def test_volumes_and_interfaces_carry_the_tags_too(cloud: EC2, existing: Json, strict: Strict) -> None:
    [made] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    client = strict.client()
    rows = client.describe_tags(Filters=[{"Name": "key", "Values": ["provision:uid"]}])["Tags"]
    assert {row["ResourceType"] for row in rows} == {"instance", "volume", "network-interface"}
    assert {row["ResourceId"] for row in rows} == {made.id, *made.outputs["attached"].split()}


def test_what_was_launched_is_as_asked(cloud: EC2, existing: Json, strict: Strict) -> None:
    [request] = lab.requests(existing, ["demo-w-1"], payload='{"ignition":{}}', protect=True)
    [made] = lab.good(cloud.create([request]))
    client = strict.client()
    assert made.protected
    assert next(iter(cloud.list(lab.OWNER))).protected

    def attribute(name: str, key: str) -> Any:
        return client.describe_instance_attribute(InstanceId=made.id, Attribute=name)[key]["Value"]

    assert attribute("userData", "UserData") == "eyJpZ25pdGlvbiI6e319"
    assert attribute("disableApiTermination", "DisableApiTermination") is True
    assert attribute("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior") == "terminate"
    [item] = client.describe_instances(InstanceIds=[made.id])["Reservations"][0]["Instances"]
    assert item["MetadataOptions"]["HttpTokens"] == "required"
    assert item["KeyName"] == "ops"


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("names", [["demo-w-1"], ["demo-w-1", "demo-w-2", "demo-w-3"]], ids=["one", "batch"])
def test_a_lost_answer_doubles_nothing(
    cloud: EC2, existing: Json, strict: Strict, fault: Json, names: list[str]
) -> None:
    strict.faults({"action": "RunInstances", "times": 1, **fault})
    requests = batch(existing, names) if len(names) > 1 else lab.requests(existing, names)
    error = error_of(cloud, requests)
    assert (error.kind, error.retryable) == (Kind.AMBIGUOUS, True)
    listed = {o.name: o.id for o in cloud.list(lab.OWNER)}
    assert set(listed) == set(names)
    again = lab.good(cloud.create(requests))
    assert {o.name: o.id for o in again} == listed
    assert len(strict.world()["machine"]) == len(names)


def test_another_process_resends_the_stored_request(cloud: EC2, existing: Json, strict: Strict, tmp_path: Path) -> None:
    requests = batch(existing, ["demo-w-1", "demo-w-2"])
    first = lab.good(cloud.create(requests))
    stored = [type(request).from_json(request.to_json()) for request in reversed(requests)]
    again = lab.good(lab.provider(existing, tmp_path).create(stored))
    assert {o.name: o.id for o in again} == {o.name: o.id for o in first}
    assert len(strict.world()["machine"]) == 2


def test_nothing_is_made_when_the_call_never_got_through(existing: Json, tmp_path: Path) -> None:
    with_nobody = {**existing, "endpoint_url": "http://127.0.0.1:1", "vpc": {**existing["vpc"]}}
    with_nobody["vpc"]["subnets"] = existing["vpc"]["subnets"][:1]
    error = error_of(lab.provider(with_nobody, tmp_path), lab.requests(with_nobody, ["demo-w-1"]))
    assert (error.kind, error.retryable) == (Kind.UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"code": "RequestLimitExceeded", "status": 503}, Kind.THROTTLED),
        ({"code": "InsufficientInstanceCapacity", "status": 500}, Kind.CAPACITY),
        ({"code": "VcpuLimitExceeded", "status": 400}, Kind.QUOTA),
        ({"code": "UnauthorizedOperation", "status": 403}, Kind.AUTH),
        ({"code": "InvalidGroup.NotFound", "status": 400}, Kind.NOT_YET_VISIBLE),
    ],
)
def test_refusals_are_definite(cloud: EC2, existing: Json, strict: Strict, fault: Json, kind: Kind) -> None:
    strict.faults({"action": "RunInstances", "times": 1, **fault})
    assert error_of(cloud, batch(existing, ["demo-w-1", "demo-w-2"])).kind is kind
    assert strict.world() == {}


def test_a_full_zone_sends_the_machine_to_the_next_one(cloud: EC2, existing: Json, strict: Strict) -> None:
    strict.faults(
        {"action": "RunInstances", "zone": "us-east-1a", "code": "InsufficientInstanceCapacity", "status": 500}
    )
    assert error_of(cloud, lab.requests(existing, ["demo-w-1"], zone="us-east-1a")).kind is Kind.CAPACITY
    [made] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"], zone="us-east-1b")))
    assert made.zone == "us-east-1b"


def test_a_planned_address_decides_the_zone_without_a_call(cloud: EC2, existing: Json, strict: Strict) -> None:
    subnets = strict.client().describe_subnets(SubnetIds=existing["vpc"]["subnets"])["Subnets"]
    first, second = sorted(subnets, key=lambda s: str(s["AvailabilityZone"]))
    address = second["CidrBlock"].replace(".0/20", ".10")
    error = error_of(cloud, lab.requests(existing, ["a"], zone=first["AvailabilityZone"], address=address))
    assert (error.kind, error.code) == (Kind.CAPACITY, "AddressNotInZone")
    assert strict.counts()["RunInstances"] == 0
    [made] = lab.good(cloud.create(lab.requests(existing, ["a"], zone=second["AvailabilityZone"], address=address)))
    assert made.addresses["private"] == address


def test_a_token_that_was_used_for_another_request_is_told(cloud: EC2, existing: Json) -> None:
    [request] = lab.requests(existing, ["demo-w-1"])
    lab.good(cloud.create([request]))
    assert error_of(cloud, [replace(request, payload="other")]).kind is Kind.ALREADY_EXISTS


def test_a_token_whose_machine_is_gone_is_told(cloud: EC2, existing: Json) -> None:
    [request] = lab.requests(existing, ["demo-w-1"])
    lab.good(cloud.delete(lab.good(cloud.create([request]))))
    assert error_of(cloud, [request]).kind is Kind.ALREADY_EXISTS


def test_deleting_is_going_first_and_absent_then(cloud: EC2, existing: Json, strict: Strict) -> None:
    made = lab.good(cloud.create(batch(existing, ["demo-w-1", "demo-w-2"])))
    assert [o.state for o in lab.good(cloud.delete(made))] == [State.DELETING] * 2
    assert list(cloud.list(lab.OWNER)) == []
    assert [outcome.error for outcome in cloud.delete(made)] == [None, None]
    ghost = replace(made[0], id="i-0123456789abcdef0")
    [outcome] = cloud.delete([ghost])
    assert (outcome.observed, outcome.error) == (None, None)


def test_one_protected_machine_does_not_keep_the_others_alive(cloud: EC2, existing: Json, strict: Strict) -> None:
    made = lab.good(cloud.create(batch(existing, ["demo-w-1", "demo-w-2", "demo-w-3"])))
    # By another hand: the tags do not tell, so the whole call is refused first.
    strict.client().modify_instance_attribute(InstanceId=made[0].id, DisableApiTermination={"Value": True})
    ghost = replace(made[0], name="demo-w-9", id="i-0123456789abcdef0")
    outcomes = {outcome.name: outcome for outcome in cloud.delete([*made, ghost])}
    assert outcomes[made[0].name].error is not None
    assert outcomes[made[0].name].error.kind is Kind.INVALID  # type: ignore[union-attr]
    assert [n for n, outcome in outcomes.items() if outcome.error is None] != []
    assert strict.world()["machine"] == [made[0].id]


def test_machines_known_to_be_protected_are_asked_for_apart(cloud: EC2, existing: Json, strict: Strict) -> None:
    protected = lab.good(cloud.create(lab.requests(existing, ["demo-p-1", "demo-p-2"], protect=True)))
    others = lab.good(cloud.create(lab.requests(existing, ["demo-w-1", "demo-w-2"])))
    outcomes = {outcome.name: outcome.error for outcome in cloud.delete([*protected, *others])}
    assert {name for name, error in outcomes.items() if error} == {"demo-p-1", "demo-p-2"}
    assert strict.counts()["TerminateInstances"] == 1 + 2


def test_volumes_of_machines_that_a_lagging_read_does_not_show_are_not_left_over(
    cloud: EC2, existing: Json, strict: Strict
) -> None:
    lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    strict.faults({"action": "DescribeInstances", "empty": True, "times": 1})
    assert list(cloud.list(lab.OWNER)) == []


def test_only_the_owners_things_are_listed(cloud: EC2, existing: Json) -> None:
    other_uid = "00000000-0000-4000-8000-000000000000"
    [mine] = lab.requests(existing, ["demo-w-1"])
    theirs = replace(mine, labels=replace(mine.labels, uid=other_uid), token="theirs")
    other = replace(mine, labels=replace(mine.labels, cluster="other", uid=other_uid), token="other")
    for request in (mine, theirs, other):
        lab.good(cloud.create([request]))

    def whose(owner: Owner | None) -> set[Labels | None]:
        return {o.labels for o in cloud.list(owner)}

    assert whose(lab.OWNER) == {mine.labels}
    assert whose(Owner("demo", "")) == {mine.labels, theirs.labels}
    assert whose(None) == {mine.labels, theirs.labels, other.labels}


def test_a_list_that_cannot_be_finished_raises(cloud: EC2, existing: Json, strict: Strict) -> None:
    lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    strict.faults({"action": "DescribeTags", "code": "InternalError", "status": 500})
    with pytest.raises(ProviderError) as caught:
        list(cloud.list(lab.OWNER))
    assert caught.value.kind is Kind.UNAVAILABLE


def test_what_a_machine_left_over_is_found_and_removed(cloud: EC2, existing: Json, strict: Strict) -> None:
    client = strict.client()
    volume = client.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    pairs = [{"Key": f"provision:{k}", "Value": v} for k, v in lab.labels("demo-w-1").to_dict().items()]
    client.create_tags(Resources=[volume], Tags=pairs)
    [left] = cloud.list(lab.OWNER)
    assert (left.kind, left.name, left.labels) == ("volume", volume, lab.labels("demo-w-1"))
    lab.good(cloud.delete([left]))
    assert strict.world() == {}


def test_pages_are_read_to_the_end(cloud: EC2, existing: Json, strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"demo-w-{n}" for n in range(1, 8)]
    for name in names:
        lab.good(cloud.create(lab.requests(existing, [name])))
    real = cloud._cloud.call

    def small_pages(operation: str, **params: Any) -> Json:
        return real(operation, **params | ({"MaxResults": 3} if operation == "describe_instances" else {}))

    monkeypatch.setattr(cloud._cloud, "call", small_pages)
    assert {o.name for o in cloud.list(lab.OWNER)} == set(names)
    assert strict.counts()["DescribeInstances"] == 3


def test_the_console_is_shown(cloud: EC2, existing: Json) -> None:
    [made] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    assert "Linux" in cloud.console(made)


def test_spot_machines_are_asked_for(cloud: EC2, existing: Json, strict: Strict) -> None:
    [made] = lab.good(cloud.create(lab.requests({**existing, "spot": True}, ["demo-w-1"])))
    [seen] = [o for o in cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert seen.id == made.id
    assert seen.outputs["lifecycle"] == "spot"
