"""The preflight: each finding once, all at once, and nothing changed by looking."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.diagnostics import Severity
from provision_ec2 import checking
from tests.emulated.ec2 import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.diagnostics import Diagnostic
    from provision.model import Json, Wanted
    from tests.emulated.ec2.lab import Strict

ZONES = ("us-east-1a", "us-east-1b")


def findings(given: Json, wanted: Wanted, where: Path) -> list[Diagnostic]:
    return [f for f in lab.provider(given, where).check(wanted) if f.severity is not Severity.INFO]


def codes(given: Json, wanted: Wanted, where: Path) -> list[str]:
    return sorted(f.code for f in findings(given, wanted, where))


@pytest.fixture
def given(strict: Strict) -> Json:
    return lab.options(strict)


def test_a_good_cluster_has_no_finding_and_nothing_is_changed(given: Json, strict: Strict, tmp_path: Path) -> None:
    wanted = lab.wanted(given, ["demo-core-1"], zones=ZONES, address="10.99.0.10")
    assert findings(given, wanted, tmp_path) == []
    assert strict.world() == {}
    changing = {a for a in strict.counts() if not a.startswith(("Describe", "Get"))}
    assert changing == {"CreateVpc", "RunInstances"}  # dry runs
    assert {c["code"] for c in strict.calls() if c["action"] in changing} == {"DryRunOperation"}


def test_a_good_cluster_on_an_existing_network_has_none_either(existing: Json, strict: Strict, tmp_path: Path) -> None:
    assert findings(existing, lab.wanted(existing, ["demo-w-1"], zones=ZONES), tmp_path) == []
    assert strict.world() == {}


def test_everything_is_told_at_once(existing: Json, tmp_path: Path) -> None:
    given = {
        **existing,
        "key_name": "nobody's",
        "vpc": {**existing["vpc"], "security_groups": ["sg-0123456789abcdef0"]},
    }
    bad = [
        lab.machine("demo-a", given, image="ami-00000000000000000", zones=("us-east-1z",)),
        lab.machine("demo-b", given, size="t3.gigantic"),
        lab.machine("demo-c", given, image=lab.ARM_AMI),
        lab.machine("demo-d", given, payload_size=16_385),
        lab.machine("Demo_E", {**given, "spot": True}),
        lab.machine("demo-f", {**given, "instance_profile": "nobody's"}, address="192.0.2.9"),
        lab.machine("demo-g", {**given, "root_volume": {"size_gib": 8}}, image=lab.OTHER_AMI, size={"cpus": 2}),
    ]
    wanted = replace(lab.wanted(given, [], protect=True), machines=tuple(bad))
    assert set(codes(given, wanted, tmp_path)) == {
        "PV522",  # no such zone
        "PV523",  # no such image
        "PV524",  # architecture
        "PV525",  # no such type; no name of a type
        "PV526",  # not offered there
        "PV529",  # key pair
        "PV530",  # group; no subnet in the zone
        "PV531",  # payload
        "PV532",  # name
        "PV533",  # protected with a deadline; protected spot
        "PV535",  # address in no subnet
        "PV536",  # root device; root volume too small
        "PV537",  # profile
    }


def test_findings_point_into_the_spec(given: Json, tmp_path: Path) -> None:
    [found] = findings(given, lab.wanted(given, ["demo-w-1"], size="t3.gigantic"), tmp_path)
    assert found.path == ("pools", "web", "size")
    assert found.hint


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"code": "AuthFailure", "status": 401}, "PV521"),
        ({"code": "UnauthorizedOperation", "status": 403}, "PV534"),
        ({"reset": True}, "PV521"),
    ],
)
def test_a_region_that_cannot_be_asked_ends_the_check(
    given: Json, strict: Strict, tmp_path: Path, fault: Json, code: str
) -> None:
    strict.faults({"action": "DescribeAvailabilityZones", **fault})
    assert codes(given, lab.wanted(given, ["demo-w-1"], size="t3.gigantic"), tmp_path) == [code]


def test_missing_credentials_are_named(given: Json, strict: Strict, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    cloud = lab.provider(given, tmp_path)
    cloud._cloud._clients = {}
    [found] = cloud.check(lab.wanted(given, ["demo-w-1"]))
    assert found.code == "PV520"
    assert found.hint is not None
    assert "AWS_PROFILE" in found.hint


def test_a_missing_permission_is_found_by_a_dry_run(given: Json, strict: Strict, tmp_path: Path) -> None:
    strict.faults({"action": "RunInstances", "code": "UnauthorizedOperation", "status": 403})
    [found] = findings(given, lab.wanted(given, ["demo-w-1"]), tmp_path)
    assert found.code == "PV534"
    assert "RunInstances" in found.message


def test_what_cannot_be_read_is_said_and_does_not_stop(given: Json, strict: Strict, tmp_path: Path) -> None:
    strict.faults({"action": "DescribeImages", "code": "UnauthorizedOperation", "status": 403})
    report = lab.provider(given, tmp_path).check(lab.wanted(given, ["demo-w-1"]))
    assert report.ok
    assert any(f.code == "PV528" and "images" in f.message for f in report)


def test_the_quota_counts_what_others_run_but_not_the_cluster_itself(
    given: Json, strict: Strict, tmp_path: Path
) -> None:
    wanted = lab.wanted(given, ["demo-w-1", "demo-w-2"], size="m5.xlarge")
    client = strict.client()
    client.import_key_pair(KeyName="ops", PublicKeyMaterial=lab.KEY.encode())
    run = {"ImageId": lab.AMI, "InstanceType": "m5.xlarge", "KeyName": "ops", "MinCount": 1, "MaxCount": 1}
    client.run_instances(**run)  # 4 of somebody's
    ours = [{"ResourceType": "instance", "Tags": [{"Key": "provision:uid", "Value": lab.UID}]}]
    client.run_instances(**run, TagSpecifications=ours)
    each = 1  # moto, unlike EC2, does not report CpuOptions
    strict.ask("quota", {"value": 8 + each})
    assert codes(given, wanted, tmp_path) == []
    strict.ask("quota", {"value": 8 + each - 1})
    [found] = findings(given, wanted, tmp_path)
    assert found.code == "PV527"
    assert "8 vCPUs" in found.message
    assert "L-1216C47A" in (found.hint or "")


def test_a_quota_that_cannot_be_read_is_said(given: Json, strict: Strict, tmp_path: Path) -> None:
    report = lab.provider(given, tmp_path).check(lab.wanted(given, ["demo-w-1"]))
    assert report.ok
    assert any(f.code == "PV528" and "quota" in f.message for f in report)


def test_an_alias_that_cannot_be_looked_up_is_told(given: Json, tmp_path: Path) -> None:
    given = {**given, "image_sources": {"flatcar": "http://127.0.0.1:1/"}}
    wanted = lab.wanted(given, ["demo-w-1"], image="flatcar-stable")
    assert codes(given, wanted, tmp_path) == ["PV538"]
    assert codes(given, lab.wanted({**given, "image": ""}, ["demo-w-1"], image=""), tmp_path) == ["PV523"]


@pytest.mark.parametrize(
    ("address", "zones", "found"),
    [
        ("10.99.0.3", ("us-east-1a",), ["PV535"]),  # reserved
        ("10.99.0.70", ZONES, []),  # in the second zone's block
        ("10.99.0.70", ("us-east-1a",), []),  # one zone has it all
        ("10.99.0.140", ZONES, ["PV535"]),  # in a block without a zone
        ("192.0.2.1", ZONES, ["PV535"]),
    ],
)
def test_planned_addresses_must_lie_in_a_zone(
    given: Json, tmp_path: Path, address: str, zones: tuple[str, ...], found: list[str]
) -> None:
    assert codes(given, lab.wanted(given, ["demo-w-1"], address=address, zones=zones), tmp_path) == found


def test_voters_that_would_fail_together_are_a_warning(given: Json, tmp_path: Path) -> None:
    voters = [
        lab.machine(f"demo-core-{n}", given, address=f"10.99.0.{9 + n}", zones=ZONES, etcd=True) for n in (1, 2, 3)
    ]
    wanted = replace(lab.wanted(given, []), machines=tuple(voters))
    [found] = findings(given, wanted, tmp_path)
    assert (found.code, found.severity) == ("PV535", Severity.WARNING)
    assert "10.99.0.64/26 is us-east-1b" in (found.hint or "")


@pytest.mark.parametrize("subnet", ["10.0.0.0/8", "10.0.0.0/29"])
def test_a_network_that_cannot_be_a_vpc_is_told_and_makes_no_subnets(given: Json, tmp_path: Path, subnet: str) -> None:
    wanted = lab.wanted(given, ["demo-w-1"], subnet=subnet)
    assert "PV535" in codes(given, wanted, tmp_path)
    assert not [p for p in lab.provider(given, tmp_path).parts(wanted) if p.kind == "subnet"]


def test_keys_that_ec2_does_not_take_are_a_warning(given: Json, tmp_path: Path) -> None:
    wanted = lab.wanted(given, ["demo-w-1"], ssh_keys=("ecdsa-sha2-nistp256 AAAA you",))
    [found] = findings(given, wanted, tmp_path)
    assert (found.code, found.severity) == ("PV529", Severity.WARNING)


def test_every_code_is_documented() -> None:
    import re
    import tomllib
    from importlib import resources
    from pathlib import Path as FilePath

    documented = tomllib.loads((resources.files("provision_schemas") / "codes" / "ec2.toml").read_text())
    home = FilePath(checking.__file__).parent
    used = set(re.findall(r"PV\d{3}", "".join(f.read_text() for f in home.glob("*.py"))))
    assert used == set(documented)
    assert all(entry.keys() == {"title", "text"} for entry in documented.values())
    json.dumps(documented)
