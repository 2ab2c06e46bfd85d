"""Parts through the contract: made once, finished when begun, taken down in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind
from provision.model import Change, State
from tests.emulated.ec2 import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from provision_ec2 import EC2
    from tests.emulated.ec2.lab import Strict

STEPS = {
    "vpc": ["CreateVpc"],
    "internet-gateway": ["CreateInternetGateway", "AttachInternetGateway"],
    "route-table": ["CreateRouteTable", "CreateRoute"],
    "subnet": ["CreateSubnet", "AssociateRouteTable"],
    "security-group": ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress"],
    "key-pair": ["ImportKeyPair"],
}


@pytest.fixture
def cloud(strict: Strict, tmp_path: Path) -> EC2:
    return lab.provider(lab.options(strict), tmp_path)


def world(strict: Strict) -> dict[str, int]:
    return {kind: len(ids) for kind, ids in strict.world().items()}


WHOLE = {
    "vpc": 1,
    "subnet": 1,
    "internet-gateway": 1,
    "route-table": 2,  # ours, and the main one that comes with the VPC
    "security-group": 2,  # ours, and the default one
    "key-pair": 1,
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_part_that_was_begun_is_finished_by_the_same_request(cloud: EC2, strict: Strict, after: bool) -> None:
    made: dict[str, dict[str, str]] = {}
    for part in cloud.parts(lab.wanted(lab.options(strict), ["demo-core-1"])):
        request = replace(part, inputs={name: made[name] for name in part.needs})
        for action in STEPS[part.kind]:
            strict.faults({"action": action, "reset": True, "after": after, "times": 1})
            [outcome] = cloud.create([request])
            assert outcome.error is not None
            assert outcome.error.kind is Kind.AMBIGUOUS
            half = [o for o in cloud.list(lab.OWNER) if o.name == part.name]
            assert all(o.state is State.RUNNING or (o.labels and o.labels.generation == 0) for o in half)
        [outcome] = cloud.create([request])
        assert outcome.error is None
        assert outcome.observed is not None
        made[part.name] = dict(outcome.observed.outputs)
    assert world(strict) == WHOLE
    seen = {o.name: o for o in cloud.list(lab.OWNER)}
    assert {name: o.state for name, o in seen.items()} == dict.fromkeys(made, State.RUNNING)
    assert {name: dict(o.outputs) for name, o in seen.items()} == made
    _take_down_with_every_call_lost_once(cloud, strict, after)
    assert strict.world() == {}


def _take_down_with_every_call_lost_once(cloud: EC2, strict: Strict, after: bool) -> None:
    actions = ["Detach", "Disassociate", "Delete"]
    names = ["InternetGateway", "RouteTable", "Subnet", "SecurityGroup", "KeyPair", "Vpc"]
    strict.faults(*({"action": f"{a}{n}", "reset": True, "after": after, "times": 1} for a in actions for n in names))
    for kind in reversed(cloud.traits.kinds):
        for part in [o for o in cloud.list(lab.OWNER) if o.kind == kind]:
            errors = []
            while (outcome := next(iter(cloud.delete([part])))).error:
                errors.append(outcome.error.kind)
            assert errors
            assert set(errors) == {Kind.AMBIGUOUS}


def test_every_part_may_be_asked_for_twice(cloud: EC2, strict: Strict) -> None:
    parts = cloud.parts(lab.wanted(lab.options(strict), ["demo-core-1"], zones=("us-east-1a", "us-east-1b")))
    assert lab.make_parts(cloud, parts) == lab.make_parts(cloud, parts)
    assert world(strict) == {**WHOLE, "subnet": 2}


def test_the_group_lets_in_the_cluster_itself_and_ssh_from_the_specs_networks(cloud: EC2, strict: Strict) -> None:
    parts = cloud.parts(lab.wanted(lab.options(strict), ["a"], ssh_from=("203.0.113.0/24", "2001:db8::/32")))
    made = lab.make_parts(cloud, parts)["ec2.security-group"]
    [group] = strict.client().describe_security_groups(GroupIds=[made["id"]])["SecurityGroups"]
    rules = {
        (p["IpProtocol"], p.get("FromPort"), pair)
        for p in group["IpPermissions"]
        for pair in (
            *(x["GroupId"] for x in p["UserIdGroupPairs"]),
            *(x["CidrIp"] for x in p["IpRanges"]),
            *(x["CidrIpv6"] for x in p["Ipv6Ranges"]),
        )
    }
    assert rules == {("-1", None, made["id"]), ("tcp", 22, "203.0.113.0/24"), ("tcp", 22, "2001:db8::/32")}


def test_ssh_networks_are_changed_in_place(cloud: EC2, strict: Strict) -> None:
    lab.make_parts(
        cloud, cloud.parts(lab.wanted(lab.options(strict), ["a"], ssh_from=("203.0.113.0/24", "10.0.0.0/8")))
    )
    [group] = [o for o in cloud.list(lab.OWNER) if o.kind == "security-group"]
    new = ["10.0.0.0/8", "198.51.100.7/32"]
    for _ in range(2):
        lab.good(cloud.change([Change(group, body={"ssh_from": new})]))
    [item] = strict.client().describe_security_groups(GroupIds=[group.id])["SecurityGroups"]
    open_to = sorted(r["CidrIp"] for p in item["IpPermissions"] if p.get("FromPort") == 22 for r in p["IpRanges"])
    assert open_to == new
    [outcome] = cloud.change([Change(group, body={"vpc": "vpc-00000001"})])
    assert outcome.error is not None
    assert outcome.error.kind is Kind.UNSUPPORTED


def test_what_is_in_use_is_a_conflict_that_passes(cloud: EC2, strict: Strict) -> None:
    given = lab.options(strict)
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(given, ["demo-core-1"])))
    machines = lab.good(cloud.create(lab.requests(given, ["demo-core-1"], made)))
    shared = [o for o in cloud.list(lab.OWNER) if o.kind in ("security-group", "subnet", "vpc")]
    for outcome in cloud.delete(shared):
        assert outcome.error is not None
        assert (outcome.error.kind, outcome.error.retryable) == (Kind.CONFLICT, True)
    lab.good(cloud.delete(machines))
    for kind in ("subnet", "security-group"):
        lab.good(cloud.delete([o for o in shared if o.kind == kind]))


def test_a_part_that_machines_use_is_whole_even_when_somebody_took_a_rule(cloud: EC2, strict: Strict) -> None:
    given = lab.options(strict)
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(given, ["demo-core-1"])))
    lab.good(cloud.create(lab.requests(given, ["demo-core-1"], made)))
    group = made["ec2.security-group"]["id"]
    client = strict.client()
    permissions = client.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    client.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)
    [seen] = [o for o in cloud.list(lab.OWNER) if o.kind == "security-group"]
    assert seen.state is State.RUNNING


def test_an_existing_network_is_left_alone(existing: Json, strict: Strict, tmp_path: Path) -> None:
    given = {**existing, "vpc": {k: v for k, v in existing["vpc"].items() if k != "security_groups"}}
    del given["key_name"]
    cloud = lab.provider(given, tmp_path)
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(given, ["demo-w-1"])))
    assert set(made) == {"ec2.security-group", "ec2.key-pair"}
    lab.good(cloud.create(lab.requests(given, ["demo-w-1"], made)))
    lab.clear(cloud)
    assert strict.world() == {}
    assert strict.client().describe_security_groups(GroupNames=["here-before"])["SecurityGroups"]


def labelled(cloud: EC2, strict: Strict) -> dict[str, Any]:
    rows = strict.client().describe_tags(Filters=[{"Name": "key", "Values": ["provision:expires"]}])["Tags"]
    return {row["ResourceId"]: row["Value"] for row in rows}


def test_a_deadline_is_moved_on_everything_with_one_call(cloud: EC2, strict: Strict) -> None:
    given = lab.options(strict)
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(given, ["a"])))
    token = "7f7c0d5e-0000-4000-8000-000000000001"
    lab.good(cloud.create([replace(r, token=token) for r in lab.requests(given, ["demo-w-1", "demo-w-2"], made)]))
    things = list(cloud.list(lab.OWNER))
    strict.ask("baseline", {})
    later = "2027-06-01T00:00:00Z"
    changes = [Change(o, labels=o.labels.expiring(later)) for o in things if o.labels]
    changed = lab.good(cloud.change(changes))
    assert strict.counts() == {"CreateTags": 1}
    assert {o.labels.expires for o in changed if o.labels} == {later}
    marked = labelled(cloud, strict)
    assert set(marked.values()) == {later}
    assert len(marked) == len(things) + 2 * 2  # volumes and interfaces of both machines
    assert {o.labels for o in cloud.list(lab.OWNER)} == {o.labels for o in changed}


def test_protection_and_shutdown_behaviour_follow_the_spec(existing: Json, strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider(existing, tmp_path)
    [made] = lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    assert made.labels is not None
    forever = Change(made, labels=made.labels.expiring("never"), protected=True)
    [changed] = lab.good(cloud.change([forever]))
    assert changed.protected
    [seen] = cloud.list(lab.OWNER)
    assert seen.protected
    assert seen.labels == changed.labels

    def attribute(name: str, key: str) -> Any:
        client = strict.client()
        return client.describe_instance_attribute(InstanceId=made.id, Attribute=name)[key]["Value"]

    assert attribute("disableApiTermination", "DisableApiTermination") is True
    assert attribute("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior") == "stop"
    lab.good(cloud.change([Change(seen, protected=False)]))
    lab.clear(cloud)
    assert strict.world() == {}


def test_a_refused_change_is_told_for_its_thing_alone(existing: Json, strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider(existing, tmp_path)
    one, two = lab.good(cloud.create(lab.requests(existing, ["demo-w-1", "demo-x"])))
    strict.faults({"action": "ModifyInstanceAttribute", "code": "UnauthorizedOperation", "status": 403})
    assert one.labels is not None
    assert two.labels is not None
    later = "2027-06-01T00:00:00Z"
    changes = [Change(one, protected=True), Change(two, labels=two.labels.expiring(later))]
    outcomes = {outcome.name: outcome for outcome in cloud.change(changes)}
    assert outcomes[one.name].error is not None
    assert outcomes[two.name].error is None
