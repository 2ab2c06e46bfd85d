from __future__ import annotations

from provision_ec2 import EC2, parts
from provision_ec2.settings import Settings
from tests.emulated.ec2 import lab

OWN = {"region": "us-east-1"}
VPC = {"id": "vpc-00000001", "subnets": ["subnet-00000001"]}


def names(given: dict[str, object], **others: object) -> list[str]:
    wanted = lab.wanted(given, ["demo-core-1"], **others)  # type: ignore[arg-type]
    return [request.name for request in parts.requests(wanted, Settings.read(given))]


def test_a_network_of_its_own_has_a_subnet_in_each_zone() -> None:
    assert names(OWN, zones=("us-east-1a", "us-east-1b")) == [
        "ec2.vpc",
        "ec2.internet-gateway",
        "ec2.route-table",
        "ec2.subnet.us-east-1a",
        "ec2.subnet.us-east-1b",
        "ec2.security-group",
        "ec2.key-pair",
    ]
    assert "ec2.subnet" in names(OWN)


def test_nothing_is_made_in_place_of_what_exists() -> None:
    assert names({**OWN, "vpc": VPC}) == ["ec2.security-group", "ec2.key-pair"]
    assert names({**OWN, "vpc": {**VPC, "security_groups": ["sg-00000001"]}, "key_name": "ops"}) == []


def test_needs_come_before_those_who_need_them_and_kinds_in_the_order_of_the_traits() -> None:
    wanted = lab.wanted(OWN, ["demo-core-1"], zones=("us-east-1a", "us-east-1b"))
    made: set[str] = set()
    order = []
    for request in parts.requests(wanted, Settings.read(OWN)):
        assert made.issuperset(request.needs)
        made.add(request.name)
        order.append(EC2.traits.kinds.index(request.kind))
        assert "after_machines" not in request.body
    assert order == sorted(order)


def test_parts_are_pure() -> None:
    wanted = lab.wanted(OWN, ["demo-core-1"])
    assert parts.requests(wanted, Settings.read(OWN)) == parts.requests(wanted, Settings.read(OWN))


def test_ssh_is_opened_to_the_specs_networks_alone() -> None:
    [group] = [r for r in parts.requests(lab.wanted(OWN, ["a"], ssh_from=()), Settings()) if r.kind == parts.GROUP]
    assert group.body["ssh_from"] == []


def test_the_first_key_that_ec2_takes_is_imported_under_a_name_with_the_uid() -> None:
    keys = ("ecdsa-sha2-nistp256 AAAA x", lab.KEY)
    [key] = [r for r in parts.requests(lab.wanted(OWN, ["a"], ssh_keys=keys), Settings()) if r.kind == parts.KEY]
    assert key.body == {"key_name": f"provision-demo-{lab.UID}", "public_key": lab.KEY}
    assert "ec2.key-pair" not in names(OWN, ssh_keys=keys[:1])
