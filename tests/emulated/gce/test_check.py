"""The preflight: each finding once, all at once, and nothing changed by looking."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provision.diagnostics import Severity
from provision_gce import checking
from provision_gce.sdk import ENDPOINT
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from provision.diagnostics import Diagnostic
    from provision.model import Json, Wanted
    from tests.emulated.gce.lab import Strict

OTHER = "projects/demo-project/global/images/none"


def findings(given: Json, wanted: Wanted, where: Path) -> list[Diagnostic]:
    return [f for f in lab.provider(given, where).check(wanted) if f.severity is not Severity.INFO]


def codes(given: Json, wanted: Wanted, where: Path) -> list[str]:
    return sorted(f.code for f in findings(given, wanted, where))


def test_a_good_cluster_has_no_finding_and_nothing_is_changed(strict: Strict, tmp_path: Path) -> None:
    wanted = lab.wanted(lab.options(), ["demo-core-1"], address="10.99.0.10")
    assert findings(lab.options(), wanted, tmp_path) == []
    assert strict.world() == {}
    assert all(action.endswith(".get") for action in strict.counts())


def test_a_good_cluster_on_an_existing_network_has_none_either(existing: Json, tmp_path: Path) -> None:
    assert findings(existing, lab.wanted(existing, ["demo-w-1"]), tmp_path) == []


def test_everything_is_told_at_once(existing: Json, strict: Strict, tmp_path: Path) -> None:
    given = {**existing, "network": {"name": "default", "subnetwork": "other", "planned_addresses": True}}
    strict.set(quotas={"INSTANCES": 3.0}, denied=["compute.subnetworks.useExternalIp"])
    bad = [
        lab.machine("demo-a", given, image=OTHER, zones=("us-central1-z",), pool="a"),
        lab.machine("demo-b", given, size="e2-gigantic", pool="b"),
        lab.machine("demo-c", given, image=lab.ARM_IMAGE, pool="c"),
        lab.machine("demo-d", given, payload_size=262_145, pool="d"),
        lab.machine("Demo_E", {**given, "spot": True}, pool="e"),
        lab.machine("demo-f", given, address="192.0.2.9", zones=(), pool="f"),
        lab.machine("demo-g", {**given, "boot_disk": {"size_gib": 9}}, size={"cpus": 2}, pool="g"),
    ]
    wanted = replace(lab.wanted(given, [], protect=True), machines=tuple(bad))
    found = findings(given, wanted, tmp_path)
    told = {(f.code, f.path[1] if len(f.path) > 1 else f.path[0]) for f in found}
    assert told == {
        ("PV541", "a"),  # no such zone
        ("PV541", "f"),  # no zone at all
        ("PV542", "a"),  # no such image
        ("PV542", "g"),  # a boot disk that is too small
        ("PV543", "b"),  # no such type
        ("PV543", "c"),  # architecture
        ("PV543", "g"),  # no name of a type
        ("PV544", "gce"),  # seven machines
        ("PV545", "gce"),  # the subnetwork is of another network
        ("PV545", "demo-f"),  # address
        ("PV546", "d"),  # payload
        ("PV546", "e"),  # name
        ("PV547", "protect"),  # protected with a deadline
        ("PV547", "e"),  # protected spot
        ("PV548", "gce"),  # may not use the subnetwork
    }
    assert strict.world() == {}


def test_a_finding_has_a_way_out(strict: Strict, tmp_path: Path) -> None:
    [found] = findings(lab.options(), lab.wanted(lab.options(), ["demo-w-1"], zones=()), tmp_path)
    assert (found.code, found.path) == ("PV541", ("pools", "web", "zones"))
    assert "us-central1-b" in (found.hint or "")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"action": "projects.get", "reason": "forbidden", "status": 403}, "PV540"),
        ({"action": "projects.get", "reason": "accessNotConfigured", "status": 403}, "PV540"),
        ({"action": "projects.get", "reset": True}, "PV540"),
        ({"action": "regions.get", "reason": "backendError", "status": 503}, "PV541"),
    ],
)
def test_a_project_that_cannot_be_asked_ends_the_check(strict: Strict, tmp_path: Path, fault: Json, code: str) -> None:
    strict.faults(fault)
    assert codes(lab.options(), lab.wanted(lab.options(), ["demo-w-1"], size="e2-gigantic"), tmp_path) == [code]


def test_missing_credentials_are_named(strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    cloud = lab.provider(lab.options(), tmp_path)
    cloud._cloud._clients = {}
    [found] = cloud.check(lab.wanted(lab.options(), ["demo-w-1"]))
    assert found.code == "PV540"
    assert "gcloud auth application-default login" in (found.hint or "")


@pytest.mark.parametrize(("option", "code"), [("project", "PV540"), ("region", "PV541")])
def test_a_project_or_region_that_is_none(strict: Strict, tmp_path: Path, option: str, code: str) -> None:
    given = {**lab.options(), option: "nowhere-east7"}
    assert codes(given, lab.wanted(given, ["demo-w-1"]), tmp_path) == [code]


def test_what_cannot_be_read_is_said_and_does_not_stop(strict: Strict, tmp_path: Path) -> None:
    strict.faults({"action": "machineTypes.get", "reason": "forbidden", "status": 403})
    report = lab.provider(lab.options(), tmp_path).check(lab.wanted(lab.options(), ["demo-w-1"]))
    assert report.ok
    assert any(f.code == "PV549" and "sizes" in f.message for f in report)


def test_the_quota_counts_what_others_run_but_not_the_cluster_itself(
    existing: Json, strict: Strict, tmp_path: Path
) -> None:
    cloud = lab.provider(existing, tmp_path)
    lab.good(cloud.create(lab.requests(existing, ["demo-w-1"])))
    [foreign] = lab.requests(existing, ["theirs"])
    other = replace(foreign, labels=replace(foreign.labels, uid="0e7f6a52-6a3c-4ae0-8a6e-3f1c6f1f9b11"))
    lab.good(cloud.create([other]))
    wanted = lab.wanted(existing, ["demo-w-1", "demo-w-2"])
    strict.set(quotas={"CPUS": 6.0})  # two of theirs, two that run, two to come
    assert codes(existing, wanted, tmp_path) == []
    strict.set(quotas={"CPUS": 5.0})
    [found] = findings(existing, wanted, tmp_path)
    assert found.code == "PV544"
    assert "4 of CPUS and 2 are in use" in found.message


def test_types_that_some_zones_lack_are_a_warning(strict: Strict, tmp_path: Path) -> None:
    zones = ("us-central1-a", "us-central1-c")
    wanted = lab.wanted(lab.options(), ["demo-w-1"], size="n2-standard-2", zones=zones)
    [found] = findings(lab.options(), wanted, tmp_path)
    assert (found.code, found.severity) == ("PV543", Severity.WARNING)
    assert codes(lab.options(), lab.wanted(lab.options(), ["w"], size="n2-custom-4-8192"), tmp_path) == []


def test_images_of_the_past_are_told(strict: Strict, tmp_path: Path) -> None:
    wanted = lab.wanted(lab.options(), ["demo-w-1"], image=lab.OLD_IMAGE)
    [found] = findings(lab.options(), wanted, tmp_path)
    assert (found.code, "obsolete" in found.message) == ("PV542", True)


def test_an_alias_that_cannot_be_looked_up_is_told(strict: Strict, tmp_path: Path) -> None:
    given = {**lab.options(), "image_sources": {"fcos": "http://127.0.0.1:1/", "flatcar": "nobodys-project"}}
    for alias in ("fcos-stable", "flatcar-stable"):
        assert codes(given, lab.wanted(given, ["demo-w-1"], image=alias), tmp_path) == ["PV542"]
    assert codes({**given, "image": ""}, lab.wanted({**given, "image": ""}, ["w"], image=""), tmp_path) == ["PV542"]


@pytest.mark.parametrize(
    ("address", "code"),
    [("10.99.0.1", ["PV545"]), ("10.99.0.2", []), ("10.99.0.253", []), ("10.99.0.254", ["PV545"])],
)
def test_planned_addresses_are_free_to_use(strict: Strict, tmp_path: Path, address: str, code: list[str]) -> None:
    assert codes(lab.options(), lab.wanted(lab.options(), ["w"], address=address), tmp_path) == code


def test_voters_that_would_fail_together_are_a_warning(strict: Strict, tmp_path: Path) -> None:
    voters = tuple(lab.machine(f"c-{n}", lab.options(), etcd=True, zones=lab.ZONES[:1]) for n in (1, 2, 3))
    [found] = findings(lab.options(), replace(lab.wanted(lab.options(), []), machines=voters), tmp_path)
    assert (found.code, found.severity) == ("PV545", Severity.WARNING)


def test_a_deadline_beyond_what_gce_takes_is_a_warning(existing: Json, strict: Strict, tmp_path: Path) -> None:
    wanted = lab.wanted(existing, ["demo-w-1"])
    far = replace(wanted, labels=wanted.labels.expiring("2091-01-01T00:00:00Z"))
    [found] = findings(existing, far, tmp_path)
    assert (found.code, found.severity) == ("PV547", Severity.WARNING)


def test_every_code_is_documented() -> None:
    documented = tomllib.loads((resources.files("provision_schemas") / "codes" / "gce.toml").read_text())
    home = Path(checking.__file__).parent
    used = set(re.findall(r"PV\d{3}", "".join(f.read_text() for f in home.glob("*.py"))))
    assert used == set(documented)
    assert all(entry.keys() == {"title", "text"} for entry in documented.values())
