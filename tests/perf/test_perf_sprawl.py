"""What the inventory of ten thousand machines takes: calls (asserted: they are pages), time and memory (reported)."""

from __future__ import annotations

import json
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from provision.model import MACHINE, Labels, Request, utc_text
from provision.provider import Context
from provision.sprawl import accounts, ask, choose, inventory
from provision.sprawl.prices import Prices
from provision.testing import rows
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

MACHINES, CLUSTERS, PAGE = 10_000, 200, 1000


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    """Ten thousand machines in two hundred clusters, put there past the API."""
    context = Context(tmp_path, tmp_path, lambda: datetime.now(UTC), tmp_path)
    cloud = FakeCloud({"path": str(tmp_path / "many.sqlite"), "page": PAGE}, context)
    expires = utc_text(datetime.now(UTC) + timedelta(hours=1))
    now = time.time()
    with cloud.database.transaction() as db:
        for n in range(MACHINES):
            cluster = n % CLUSTERS
            uid = f"00000000-0000-4000-8000-{cluster:012d}"
            labels = Labels(f"c{cluster}", uid, f"c{cluster}-{n}", 1, f"owner{cluster % 7}", expires, "0" * 16)
            rows.insert(
                db, Request(MACHINE, labels.machine, "fake", labels, "", {"size": "small"}), 0, now, 0, 0, named=True
            )
    return cloud


def test_ten_thousand_machines_are_listed(cloud: FakeCloud, tmp_path: Path) -> None:
    account = accounts.Account("many", "fake", cloud._options, tmp_path)
    before = cloud.calls()["list"]
    began = time.process_time()
    answers = ask.everything([account], timeout=120)
    asked = time.process_time()
    found = inventory.take(answers, (), Prices(), datetime.now(UTC))
    sorted_ = choose.chosen(found.groups, ["owner=owner1"], "cost")
    text = json.dumps([g.to_json(found.at) for g in found.groups])
    ended = time.process_time()
    calls = cloud.calls()["list"] - before
    assert sum(len(g.machines) for g in found.groups) == MACHINES
    assert len(found.groups) == CLUSTERS
    assert len(sorted_) in {CLUSTERS // 7, CLUSTERS // 7 + 1}
    assert calls <= MACHINES // PAGE + 1, "one call a page, and one for the page that is empty"
    times = f"{asked - began:.2f} s of CPU to list, {ended - asked:.2f} s to sort and write"
    print(
        f"\n{MACHINES:,} machines: {calls} calls, {times}, {len(text) / 1024:.0f} KiB of JSON for {CLUSTERS} clusters"
    )


def test_what_ten_thousand_machines_weigh(cloud: FakeCloud, tmp_path: Path) -> None:
    account = accounts.Account("many", "fake", cloud._options, tmp_path)
    assert account.provider
    tracemalloc.start()
    try:
        found = inventory.take(ask.everything([account], timeout=240), (), Prices(), datetime.now(UTC))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.groups) == CLUSTERS
    print(f"\n{MACHINES:,} machines: {held / 2**20:.1f} MiB held, {peak / 2**20:.1f} MiB at the peak")


def test_accounts_are_asked_at_the_same_time(cloud: FakeCloud, tmp_path: Path) -> None:
    """Eight accounts whose every page takes a fifth of a second take about as long as one."""
    options = [{"path": str(tmp_path / f"{n}.sqlite"), "latency": 0.2} for n in range(8)]
    many = [accounts.Account(f"a{n}", "fake", one, tmp_path) for n, one in enumerate(options)]
    took = {}
    for count in (1, 8):
        began = time.perf_counter()
        answers = ask.everything([replace(a) for a in many[:count]], timeout=60)
        took[count] = time.perf_counter() - began
        assert [a.error for a in answers] == [None] * count
    print(f"\none account: {took[1]:.2f} s; eight at once: {took[8]:.2f} s")
