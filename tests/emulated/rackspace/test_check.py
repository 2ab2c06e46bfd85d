"""The preflight: all that would stop `up`, told at once, before anything is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.diagnostics import Severity
from tests.emulated.rackspace import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Wanted
    from tests.emulated.rackspace.lab import Strict


def codes(where: Path, given: dict[str, Any], wanted: Wanted) -> list[tuple[str, str]]:
    return sorted({(f.code, str(f.severity)) for f in lab.provider(given, where).check(wanted)})


ERROR, WARNING = str(Severity.ERROR), str(Severity.WARNING)


def test_a_good_cluster_has_no_findings_and_nothing_is_made(strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider({}, tmp_path)
    wanted = lab.wanted({}, [lab.machine(f"demo-a-{n}", {}, lab.image(cloud)) for n in range(3)])
    assert list(cloud.check(wanted)) == []
    assert strict.world() == {}
    assert all(call == "login" or call.startswith("GET ") for call in strict.counts())


def test_all_that_is_wrong_is_told_in_one_go(strict: Strict, tmp_path: Path) -> None:
    strict.ask("set", {"limits": {"totalInstancesUsed": 199}})
    given = {"network": {"name": "nobodys"}, "key_name": "nobodys"}
    machines = [
        lab.machine("demo-a-1", given, "no such image"),
        lab.machine("demo-a-2", given, lab.image(lab.provider({}, tmp_path)), size="no-such-flavor"),
        lab.machine("demo-a-3", given, "no such image", size="compute1-4", zones=("a",), payload_size=70_000),
        lab.machine("demo.a", given, ""),
    ]
    wanted = lab.wanted(given, machines, ssh_from=("203.0.113.0/24",))
    wanted = replace(wanted, labels=replace(wanted.labels, owner="o" * 256))
    report = lab.provider(given, tmp_path).check(wanted)
    text = report.render()
    for words in (
        "70,000 characters", "'demo.a' cannot be", "has no zones", "256 characters", "no firewall",
        "no image 'no such image'", "no image is named", "no flavor 'no-such-flavor'", "has no disk",
        "no cloud network 'nobodys'", "no key pair 'nobodys'", "4 more machines, and 199 of 200",
    ):  # fmt: skip
        assert words in text, words


def test_open_etcd_is_a_warning(strict: Strict, tmp_path: Path) -> None:
    image = lab.image(lab.provider({}, tmp_path))
    inside = {"public": False, "servicenet": False}
    for given, found in (({}, [("PV563", WARNING)]), (inside, [])):
        wanted = lab.wanted(given, [lab.machine("demo-core-1", given, image, etcd=True)])
        assert codes(tmp_path, given, wanted) == found


def test_an_image_larger_than_its_flavor(strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider({}, tmp_path)
    large = next(i["id"] for i in cloud._cloud.pages("/images/detail", "images") if i["minDisk"] > 20)
    wanted = lab.wanted({}, [lab.machine("demo-a", {}, large, size="general1-1")])
    assert codes(tmp_path, {}, wanted) == [("PV562", ERROR)]


def test_a_rate_limit_is_a_warning(strict: Strict, tmp_path: Path) -> None:
    limit = {"verb": "POST", "value": 10, "remaining": 1, "unit": "MINUTE", "next-available": ""}
    strict.ask("set", {"rate": {"uri": "/servers", "regex": "/servers", "limit": [limit]}})
    image = lab.image(lab.provider({}, tmp_path))
    wanted = lab.wanted({}, [lab.machine(f"demo-{n}", {}, image) for n in range(2)])
    assert codes(tmp_path, {}, wanted) == [("PV564", WARNING)]


@pytest.mark.parametrize(("subnet", "found"), [("8.8.8.0/24", True), ("10.0.0.0/30", True), ("172.16.0.0/29", False)])
def test_cloud_networks(strict: Strict, tmp_path: Path, subnet: str, found: bool) -> None:
    image = lab.image(lab.provider({}, tmp_path))
    wanted = lab.wanted({}, [lab.machine(f"demo-{n}", {}, image) for n in range(3)], subnet=subnet)
    assert codes(tmp_path, {}, wanted) == ([("PV563", ERROR)] if found else [])


def test_who_cannot_log_in_is_told_why(strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = lab.wanted({}, [])
    assert codes(tmp_path, {"region": "MARS"}, wanted) == [("PV561", ERROR)]
    [finding] = lab.provider({"region": "MARS"}, tmp_path).check(wanted)
    assert "DFW" in str(finding.hint)
    strict.faults({"call": "login", "status": 503})
    assert codes(tmp_path, {}, wanted) == [("PV561", ERROR)]
    strict.faults()
    monkeypatch.setenv("RAX_API_KEY", "wrong")
    assert codes(tmp_path, {}, wanted) == [("PV560", ERROR)]
    monkeypatch.delenv("RAX_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert codes(tmp_path, {}, wanted) == [("PV560", ERROR)]


def test_what_cannot_be_checked_is_said(strict: Strict, tmp_path: Path) -> None:
    strict.faults({"call": "GET /limits", "status": 500})
    image = lab.image(lab.provider({}, tmp_path))
    wanted = lab.wanted({}, [lab.machine("demo-a", {}, image)])
    assert codes(tmp_path, {}, wanted) == [("PV561", str(Severity.INFO))]
