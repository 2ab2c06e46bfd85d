"""Deadlines as GCE's own limit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provision_gce import deadlines
from provision_gce.settings import Settings
from tests.emulated.gce import lab

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires", "hours", "limit"),
    [
        ("never", 0, ""),
        ("2026-01-02T00:00:00Z", 0, "2026-01-01T23:59:00Z"),
        ("2026-01-02T00:00:00Z", 2, "2026-01-02T01:59:00Z"),
        ("2026-05-01T00:00:00Z", 0, "2026-04-30T23:59:00Z"),  # 120 days less the margin
        ("2026-05-01T00:00:00Z", 1, ""),
    ],
)
def test_limits(expires: str, hours: int, limit: str) -> None:
    labels = lab.labels(expires=expires)
    settings = Settings(extendable_hours=hours)
    assert deadlines.limit(labels, settings, NOW) == limit
    made = deadlines.scheduling(labels, settings, NOW)
    assert made.get("terminationTime", "") == limit
    assert ("instanceTerminationAction" in made) is bool(limit)


def test_spot_machines_that_are_taken_back_cost_nothing_more() -> None:
    made = deadlines.scheduling(lab.labels(expires="never"), Settings(spot=True), NOW)
    assert made["instanceTerminationAction"] == "DELETE"


@pytest.mark.parametrize(
    ("until", "expires", "ends_first"),
    [
        ("", "never", False),
        ("", "2026-01-02T00:00:00Z", False),
        ("2026-01-01T23:59:00Z", "2026-01-02T00:00:00Z", False),
        ("2026-01-01T15:59:00.000-08:00", "2026-01-02T00:00:00Z", False),
        ("2026-01-01T23:58:59Z", "2026-01-02T00:00:00Z", True),
        ("2026-01-01T23:59:00Z", "never", True),
    ],
)
def test_who_ends_first(until: str, expires: str, ends_first: bool) -> None:
    assert deadlines.ends_before(until, lab.labels(expires=expires)) is ends_first
