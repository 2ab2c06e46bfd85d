"""Price lists: looked up by region or zone, never guessed, refreshed and overridden."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from provision.sprawl import tariff
from provision.sprawl.prices import Cost, money
from provision.sprawl.tariff import Tariff, shipped

if TYPE_CHECKING:
    from pathlib import Path

EC2, GCE, RACKSPACE = (Tariff([shipped(name)]) for name in ("ec2", "gce", "rackspace"))


@pytest.mark.parametrize(
    ("rates", "kind", "name", "place", "price"),
    [
        (EC2, "machine", "t3.micro", "us-east-1", 0.0104),
        (EC2, "machine", "t3.micro", "us-east-1a", 0.0104),
        (EC2, "machine", "t3.micro", "eu-nowhere-1", None),
        (EC2, "machine", "t3.nano-nano", "us-east-1", None),
        (EC2, "machine", "t3.micro", "", None),
        (EC2, "disk", "gp3", "us-east-1", 0.08 / 730),
        (EC2, "disk", "gp3", "sa-east-1", None),
        (EC2, "address", "public-ipv4", "eu-west-1b", 0.005),
        (EC2, "address", "public-ipv4", "us-gov-west-1", None),
        (GCE, "machine", "e2-medium", "us-central1-a", 0.033506),
        (GCE, "machine", "e2-medium", "europe-west10-a", None),
        (GCE, "machine", "custom-2-4096", "us-central1", 2 * 0.033174 + 4 * 0.003686),
        (GCE, "machine", "n2-custom-4-8192", "us-central1-f", 4 * 0.033174 + 8 * 0.004446),
        (GCE, "machine", "c9-custom-4-8192", "us-central1-f", None),
        (GCE, "disk", "pd-ssd", "us-central1", 0.17 / 730),
        (RACKSPACE, "machine", "performance1-1", "DFW", 0.04),
        (RACKSPACE, "machine", "2", "LON", 0.032),
        (RACKSPACE, "machine", "2", "HKG", None),
    ],
)
def test_what_the_lists_say(rates: Tariff, kind: str, name: str, place: str, price: float | None) -> None:
    found = rates.price(kind, name, place)
    assert found == (None if price is None else pytest.approx(price))


@pytest.mark.parametrize("name", ["ec2", "gce", "rackspace"])
def test_lists_are_whole(name: str) -> None:
    table = shipped(name)
    width = len(table["regions"])
    assert table["currency"] == "USD"
    assert table["date"] > "2025"
    assert all(len(row) == width for section in ("sizes", "disks") for row in table.get(section, {}).values())
    assert all(price is None or price > 0 for row in table["sizes"].values() for price in row), "0 is no price"
    assert shipped("nosuch") == {}


def test_a_policy_counts_before_all_lists() -> None:
    rates = Tariff([shipped("ec2")], {"sizes": {"t3.*": 0.5, "t3.micro": 0.25}, "disks": {"gp3": 7.3}})
    assert rates.price("machine", "t3.micro", "us-east-1") == 0.25
    assert rates.price("machine", "t3.large", "nowhere") == 0.5
    assert rates.price("disk", "gp3", "nowhere") == pytest.approx(0.01)
    assert rates.price("machine", "m5.large", "us-east-1") == pytest.approx(0.096, rel=0.2)


def test_refreshed_prices_count_before_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION_CACHE_DIR", str(tmp_path))
    today = {"date": "2026-01-02", "currency": "USD", "regions": ["us-east-1"], "sizes": {"t3.micro": [0.02]}}
    kept = tariff.keep("ec2", today)
    assert json.loads(kept.read_text())["provider"] == "ec2"
    rates = tariff.tariff("ec2")
    assert rates.price("machine", "t3.micro", "us-east-1c") == 0.02
    assert rates.price("machine", "t3.micro", "us-east-2") == 0.0104, "what was not told is as it was shipped"
    assert rates.price("address", "public-ipv4", "us-east-1") == 0.005
    assert rates.date == "2026-01-02"
    assert tariff.tariff("gce").date < "2026"
    kept.write_text("{torn")
    tariff._read.cache_clear()
    assert tariff.tariff("ec2").price("machine", "t3.micro", "us-east-1") == 0.0104


def test_costs_keep_what_is_unknown_apart() -> None:
    both = Cost.of([("a", 1.0), ("b", None)]) + Cost.of([("c", 0.5)])
    assert both == Cost(1.5, ("b",))
    assert [money(v) for v in (None, 0, 0.0104, 1234.567)] == ["unknown", "$0", "$0.0104", "$1,234.57"]
