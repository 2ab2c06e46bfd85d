"""What a cluster at Rackspace costs in calls of its API (asserted: it does not depend on the machine).

Calls of `up` are those of a plan and its application: the list that the plan begins with, the looks before anything is
made, and the looks until all run. The preflight, and logging in, are counted apart.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from provision.apply.retry import Pace
from tests.emulated.rackspace import lab
from tests.emulated.rackspace.bench import Bench
from tests.emulated.rackspace.lab import strict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.emulated.rackspace.lab import Strict

__all__ = ["strict"]

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

COUNT = 20
LIST = 3
"""Calls that list a whole cluster: servers, cloud networks, key pairs."""
PARTS = 3
"""Calls that make a cloud network (look, make) and a key pair."""
FOUND = 1
"""The flavors, looked up once a run."""


def calls(strict: Strict, what: str, run: Callable[[], object]) -> int:
    """Run something; print and return how many calls it took."""
    strict.ask("forget", {})
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    counts = strict.counts()
    listed = ", ".join(f"{n} {action}" for action, n in sorted(counts.items()))
    print(f"\n{what}: {counts.total()} calls in {seconds:.2f} s ({listed})")
    return counts.total()


def test_twenty_machines(strict: Strict, tmp_path: Path) -> None:
    bench = Bench({}, tmp_path, voters=0, workers=COUNT, pace=Pace(timeout=120))
    total = calls(strict, f"up of {COUNT}", bench.up)
    counts = strict.counts()
    assert counts["POST /servers"] == COUNT
    # How many looks until all run, time decides; each is one call for the whole cluster.
    waiting = counts["GET /servers/detail"] - COUNT - 1
    assert total - waiting <= LIST + PARTS + FOUND + 2 * COUNT
    assert calls(strict, f"up again of {COUNT}", bench.up) <= LIST
    down = calls(strict, f"down of {COUNT}", bench.down)
    assert down - strict.counts()["GET /servers/detail"] * LIST <= COUNT + 2
    assert bench.names() == []


def test_preflight(strict: Strict, tmp_path: Path) -> None:
    image = lab.image(lab.provider({}, tmp_path))
    wanted = lab.wanted({}, [lab.machine(f"demo-w-{n}", {}, image) for n in range(COUNT)])
    cloud = lab.provider({}, tmp_path)
    # A login, flavors, images, the cluster's list, limits.
    assert calls(strict, f"check of {COUNT}", lambda: cloud.check(wanted)) <= 4 + LIST
