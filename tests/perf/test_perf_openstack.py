"""What a cluster on OpenStack costs in calls of its API (asserted: it does not depend on the machine).

Calls of `up` are those of a plan and its application: the list that the plan begins with, the looks before anything is
made, and the looks until all run. The preflight, and logging in, are counted apart.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from provision.apply.retry import Pace
from tests.emulated.openstack import lab
from tests.emulated.openstack.bench import Bench
from tests.emulated.openstack.lab import strict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.openstack.lab import Strict

__all__ = ["strict"]

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

COUNT = 50
LIST = 9
"""Calls that list a whole cluster; ten when it has a router."""
PARTS = 10
"""Calls that make a network without a router, a group and a key pair."""
PACE = Pace(timeout=120)
ISOLATED = {"floating_ip": False, "router": False}


def calls(strict: Strict, what: str, run: Any) -> int:
    """Run something; print and return how many calls it took."""
    strict.ask("forget", {})
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    counts = strict.counts()
    listed = ", ".join(f"{n} {action}" for action, n in sorted(counts.items()))
    print(f"\n{what}: {counts.total()} calls in {seconds:.2f} s ({listed})")
    return counts.total()


@pytest.mark.parametrize(("payloads", "most"), [("one", 3), ("fifty", 2 * COUNT)])
def test_fifty_machines(strict: Strict, tmp_path: Path, payloads: str, most: int) -> None:
    bench = Bench(ISOLATED, tmp_path, voters=0, workers=COUNT, own_payloads=payloads == "fifty", pace=PACE)
    total = calls(strict, f"up of {COUNT}, {payloads} payload(s)", bench.up)
    looks = strict.counts()["GET /servers/detail"]
    before = strict.counts()["POST /servers"] + (1 if payloads == "one" else 0)
    # How many looks until all run, time decides; each is one call for the whole cluster.
    waiting = looks - before - 1
    assert total - waiting <= LIST + PARTS + most + 1
    assert calls(strict, f"up again of {COUNT}", bench.up) <= LIST
    down = calls(strict, f"down of {COUNT}", bench.down)
    lists = strict.counts()["GET /servers/detail"]
    assert down - lists * LIST <= COUNT + 4
    assert bench.names() == []


def test_what_a_router_and_floating_addresses_add(strict: Strict, tmp_path: Path) -> None:
    plain = Bench(ISOLATED, tmp_path / "plain", voters=0, workers=5, pace=PACE)
    up = calls(strict, "up of 5, no router", plain.up)
    plain.down()
    routed = Bench({}, tmp_path / "routed", voters=0, workers=5, floating=True, pace=PACE)
    more = calls(strict, "up of 5, router and floating addresses", routed.up) - up
    routed.down()
    print(f"\na router and five floating addresses add {more} calls to `up`")


def test_preflight(strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider({}, tmp_path, share="perf")
    wanted = lab.wanted({}, [f"demo-w-{n}" for n in range(COUNT)], lab.image(cloud), options=ISOLATED)
    assert calls(strict, f"check of {COUNT}", lambda: cloud.check(wanted)) <= 13
