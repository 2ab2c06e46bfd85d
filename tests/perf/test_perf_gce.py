"""What a cluster on GCE costs in calls of its API (asserted: it does not depend on the machine) and in time (reported).

Calls of `up` are those of a plan and its application: the lists that the plan begins with, bulkInsert with its wait and
its list, and the looks until all run. The preflight is counted apart; so is the SDK's import, both ways.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from provision.apply.retry import Pace
from tests.emulated.gce import lab
from tests.emulated.gce.bench import Bench
from tests.emulated.gce.lab import existing, strict

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.gce.lab import Strict

__all__ = ["existing", "strict"]

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

COUNT = 50
PACE = Pace(timeout=120)
LOOK = 4
"""Calls of a whole list on an existing network: machines, disks, firewall rules, networks."""


def calls(strict: Strict, what: str, run: Any) -> int:
    """Run something; print and return how many calls it took."""
    strict.ask("baseline", {})
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    counts = strict.counts()
    listed = ", ".join(f"{n} {action}" for action, n in sorted(counts.items()))
    print(f"\n{what}: {counts.total()} calls in {seconds:.2f} s ({listed})")
    return counts.total()


@pytest.mark.parametrize(("payloads", "most"), [("one", 3), ("fifty", 2 * COUNT)])
def test_fifty_machines_on_an_existing_network(
    existing: Json, strict: Strict, tmp_path: Path, payloads: str, most: int
) -> None:
    own = payloads == "fifty"
    zones = lab.ZONES[:1]
    bench = Bench(existing, tmp_path, voters=0, workers=COUNT, zones=zones, own_payloads=own, pace=PACE)
    total = calls(strict, f"up of {COUNT}, {payloads} payload(s)", bench.up)
    looks = strict.counts()["instances.aggregatedList"] - 1  # how many, time decides; each is one call
    assert total <= LOOK + most + looks
    assert looks <= 5
    assert len(bench.names()) == COUNT
    assert calls(strict, f"up again of {COUNT}", bench.up) == LOOK
    total = calls(strict, f"down of {COUNT}", bench.down)
    assert total <= COUNT + (LOOK + 1) * strict.counts()["instances.aggregatedList"]
    assert bench.names() == []


def test_what_a_network_of_its_own_adds(existing: Json, strict: Strict, tmp_path: Path) -> None:
    plain = Bench(existing, tmp_path / "existing", voters=0, workers=5, pace=PACE)
    up, down = calls(strict, "up of 5, existing network", plain.up), calls(strict, "down", plain.down)
    strict.ask("tomorrow", {})
    own = Bench(lab.options(), tmp_path / "own", voters=0, workers=5, pace=PACE)
    more = calls(strict, "up of 5, own network", own.up) - up
    less = calls(strict, "down", own.down) - down
    print(f"\na network of its own adds {more} calls to `up` and {less} to `down`")


def test_preflight(existing: Json, strict: Strict, tmp_path: Path) -> None:
    wanted = lab.wanted(existing, [f"demo-w-{n}" for n in range(COUNT)])
    cloud = lab.provider(existing, tmp_path)
    assert calls(strict, f"check of {COUNT}", lambda: cloud.check(wanted)) <= 8


def test_import_of_the_client() -> None:
    """CPU seconds of the services that are used against the whole package, best of three each."""
    whole = "from google.cloud import compute_v1"
    names = ["instances", "zone_operations", "global_operations", "networks", "subnetworks", "firewalls", "disks"]
    ours = f"from provision_gce import importing; [importing.service(n) for n in {names}]; importing.types()"
    seconds = {what: min(_cpu(code) for _ in range(3)) for what, code in (("whole", whole), ("ours", ours))}
    print(f"\nimport of google-cloud-compute: whole {seconds['whole']:.2f} s of CPU, ours {seconds['ours']:.2f} s")
    assert seconds["ours"] < 0.75 * seconds["whole"]


def _cpu(code: str) -> float:
    timed = f"import time; began = time.process_time(); {code}; print(time.process_time() - began)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)
