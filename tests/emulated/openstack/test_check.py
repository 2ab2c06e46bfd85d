"""The preflight: each finding once, all at once, and nothing changed by looking."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision.diagnostics import Severity
from provision_openstack import checking
from tests.emulated.openstack import lab

if TYPE_CHECKING:
    from provision.diagnostics import Diagnostic
    from provision.model import Json, Wanted
    from tests.emulated.openstack.lab import Strict


def findings(given: Json, wanted: Wanted, where: Path) -> list[Diagnostic]:
    report = lab.provider(given, where, share="check").check(wanted)
    return [f for f in report if f.severity is not Severity.INFO]


def codes(given: Json, wanted: Wanted, where: Path) -> list[str]:
    return sorted(f.code for f in findings(given, wanted, where))


@pytest.fixture
def image(strict: Strict, tmp_path: Path) -> str:
    return lab.image(lab.provider({}, tmp_path, share="check"))


def test_a_good_cluster_has_no_finding_and_nothing_is_changed(strict: Strict, image: str, tmp_path: Path) -> None:
    given = {"server_group": {"name": "web"}}
    wanted = lab.wanted(given, ["demo-core-1"], image, address="10.99.0.10", zones=("nova",))
    assert findings(given, wanted, tmp_path) == []
    assert strict.world() == {}
    assert not [call for call in strict.counts() if not call.startswith("GET ")]


def test_everything_is_told_at_once(strict: Strict, image: str, tmp_path: Path) -> None:
    strict.ask("quota", {"instances": 3, "router": 0})
    given = {"key_name": "nobody's", "security_groups": ["00000000-0000-4000-8000-000000000000"]}
    bad = [
        lab.machine("demo-a", given, "00000000-0000-4000-8000-000000000000"),
        lab.machine("demo-b", given, "no such name", zones=("nowhere",)),
        lab.machine("demo-c", given, image, size="m1.none"),
        lab.machine("demo-d", given, image, payload_size=65_536),
        lab.machine("Demo_E", {**given, "server_group": {"name": "g"}}, image),
        lab.machine("demo-f", {**given, "server_group": {"name": "g", "policy": "soft-anti-affinity"}}, image),
        lab.machine("demo-g", given, image, address="10.99.0.200", size={"cpus": 2}),
        lab.machine("demo-h", given, ""),
    ]
    wanted = replace(lab.wanted(given, [], image), machines=tuple(bad))
    found = codes(given, wanted, tmp_path)
    assert set(found) == {"PV552", "PV553", "PV554", "PV555", "PV556", "PV557", "PV558"}
    assert [found.count(code) for code in sorted(set(found))] == [3, 2, 1, 2, 2, 1, 3]


def test_findings_point_into_the_spec(strict: Strict, image: str, tmp_path: Path) -> None:
    [found] = findings({}, lab.wanted({}, ["demo-w-1"], image, size="m1.none"), tmp_path)
    assert (found.path, found.message) == (("pools", "web", "size"), "there is no flavor 'm1.none'")


def test_an_existing_network_is_looked_at(strict: Strict, image: str, tmp_path: Path) -> None:
    given = {"network": {"name": "no-such", "planned_addresses": True}}
    assert codes(given, lab.wanted(given, ["demo-w-1"], image), tmp_path) == ["PV554"]
    given = {"network": {"name": "public", "planned_addresses": True}}
    assert codes(given, lab.wanted(given, ["demo-w-1"], image, address="198.51.100.20"), tmp_path) == []
    assert codes(given, lab.wanted(given, ["demo-w-1"], image, address="192.0.2.1"), tmp_path) == ["PV554"]


def test_wrong_and_missing_credentials_end_the_check(
    strict: Strict, image: str, tmp_path: Path, monkeypatch: Any
) -> None:
    wanted = lab.wanted({}, ["demo-w-1"], image, size="m1.none")
    file = lab.clouds(strict.url, tmp_path, password="a wrong one")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    [found] = lab.provider({}, tmp_path).check(wanted)
    assert found.code == "PV550"
    assert "a wrong one" not in found.message
    [found] = lab.provider({"cloud": "no-such"}, tmp_path).check(wanted)
    assert found.code == "PV550"
    monkeypatch.delenv("OS_CLOUD")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    [found] = lab.provider({}, tmp_path).check(wanted)
    assert found.code == "PV550"


def test_credentials_of_the_environment_work(strict: Strict, image: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("OS_CLOUD")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    values = {
        "AUTH_URL": f"{strict.url}/identity/v3", "USERNAME": "demo", "PASSWORD": "the right one",
        "PROJECT_NAME": "demo", "USER_DOMAIN_NAME": "Default", "PROJECT_DOMAIN_NAME": "Default",
        "REGION_NAME": "RegionOne",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(f"OS_{name}", value)
    assert lab.provider({}, tmp_path).check(lab.wanted({}, ["demo-w-1"], image)).ok


def test_a_cloud_that_is_too_old_or_does_not_answer(
    strict: Strict, image: str, tmp_path: Path, monkeypatch: Any
) -> None:
    wanted = lab.wanted({}, ["demo-w-1"], image)
    strict.ask("set", {"microversion": "2.60"})
    [found] = lab.provider({}, tmp_path).check(wanted)
    assert (found.code, "2.60" in found.message) == ("PV551", True)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds("http://127.0.0.1:1", tmp_path)))
    [found] = lab.provider({}, tmp_path).check(wanted)
    assert found.code == "PV551"


def test_what_cannot_be_read_is_said_and_does_not_stop(strict: Strict, image: str, tmp_path: Path) -> None:
    strict.faults({"call": "GET /limits", "status": 403, "code": "forbidden"})
    report = lab.provider({}, tmp_path).check(lab.wanted({}, ["demo-w-1"], image))
    assert report.ok
    assert [f.code for f in report] == ["PV559"]


def test_the_quota_counts_what_is_there_but_the_cluster_itself_not_twice(strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider(lab.PLAIN, tmp_path)
    image = lab.image(cloud)
    wanted = lab.wanted(lab.PLAIN, ["demo-w-1", "demo-w-2"], image)
    inputs = lab.make_parts(cloud, cloud.parts(wanted))
    lab.good(cloud.create(lab.requests(lab.PLAIN, ["demo-w-1"], image, inputs)))
    strict.ask("quota", {"instances": 2, "network": 1})
    assert codes(lab.PLAIN, wanted, tmp_path) == []
    strict.ask("quota", {"instances": 1})
    [found] = findings(lab.PLAIN, wanted, tmp_path)
    assert found.message == "the cluster needs 1 more instances, and 1 of 1 are in use"


@pytest.mark.parametrize(
    ("subnet", "address", "found"),
    [
        ("10.99.0.0/24", "10.99.0.127", []),
        ("10.99.0.0/24", "10.99.0.1", ["PV554"]),  # the gateway's
        ("10.99.0.0/24", "10.99.0.128", ["PV554"]),  # neutron's to give
        ("10.99.0.0/29", "10.99.0.2", ["PV554"]),
    ],
)
def test_planned_addresses(
    strict: Strict, image: str, tmp_path: Path, subnet: str, address: str, found: list[str]
) -> None:
    assert codes({}, lab.wanted({}, ["demo-w-1"], image, address=address, subnet=subnet), tmp_path) == found


def test_labels_that_do_not_fit_are_told(strict: Strict, image: str, tmp_path: Path) -> None:
    wanted = lab.wanted({}, ["demo-w-1"], image)
    long = replace(wanted, labels=replace(wanted.labels, owner="ö" * 40))
    [found] = findings({}, long, tmp_path)
    assert (found.code, found.path) == ("PV558", ("owner",))


def test_every_code_is_documented() -> None:
    documented = tomllib.loads((resources.files("provision_schemas") / "codes" / "openstack.toml").read_text())
    home = Path(checking.__file__).parent
    used = set(re.findall(r"PV\d{3}", "".join(f.read_text() for f in home.glob("*.py"))))
    assert used == set(documented) == {f"PV{n}" for n in range(550, 560)}
    assert all(entry.keys() == {"title", "text"} for entry in documented.values())
