"""What a cluster on vSphere costs in calls (asserted: they do not depend on the machine) and in time (reported).

Tasks take a second here. Polling each of ten clones every tenth of a second would be a hundred calls while waiting.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from provision.testing.rig import Rig, observed
from tests.lab.vcsim import lab
from tests.lab.vcsim.lab import credentials, vcenter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["credentials", "vcenter"]

pytestmark = [pytest.mark.perf, pytest.mark.lab, pytest.mark.timeout(600)]

COUNT = 10
WAITING = (
    "WaitForUpdatesEx",
    "CreateFilter",
    "DestroyPropertyFilter",
    "CancelWaitForUpdates",
    "CreatePropertyCollector",
)


def told(simulator: lab.Simulator, what: str, act: Callable[[], object]) -> tuple[int, int]:
    """Do something; print and return how many calls it took, and how many of these only waited."""
    simulator.counted()
    began = time.perf_counter()
    act()
    seconds = time.perf_counter() - began
    counts = simulator.counted()
    waiting = sum(counts[name] for name in WAITING)
    listed = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    print(f"\n{what}: {counts.total()} calls, {waiting} of them waiting, in {seconds:.2f} s ({listed})")
    return counts.total(), waiting


def prepared(simulator: lab.Simulator, where: Path, *, console: bool) -> Rig:
    given = simulator.options(console=console)
    rig = Rig(lambda: lab.provider(given, where), lab.wanted(given, ["core-0"]), lab.PAYLOAD)
    rig.parts()
    rig.make(rig.machine("first"))  # the inventory is read once in a run
    simulator.set(TaskMS=1000)
    return rig


@pytest.mark.parametrize(("console", "most", "idle"), [(False, 2 * COUNT + 12, 12), (True, 4 * COUNT + 40, 38)])
def test_ten_clones_in_one_call(vcenter: lab.Simulator, tmp_path: Path, console: bool, most: int, idle: int) -> None:
    rig = prepared(vcenter, tmp_path, console=console)
    batch = [rig.machine(f"worker-{n}") for n in range(COUNT)]
    kind = "with consoles" if console else "plain"
    total, waiting = told(vcenter, f"{COUNT} clones, {kind}", lambda: [observed(o) for o in rig.provider.create(batch)])
    assert total <= most
    assert waiting <= idle
    total, _ = told(vcenter, "one look at them", lambda: list(rig.provider.list(rig.owner)))
    assert total <= 4
    machines = rig.listed()
    total, waiting = told(vcenter, f"{len(machines)} removed", lambda: list(rig.provider.delete(machines)))
    assert waiting <= idle


def test_ten_clones_by_ten_threads(vcenter: lab.Simulator, tmp_path: Path) -> None:
    """As the engine asks for machines whose first-boot configs differ: they share a collector and its one filter."""
    rig = prepared(vcenter, tmp_path, console=False)

    def make(number: int) -> object:
        return observed(next(iter(rig.provider.create([rig.machine(f"worker-{number}")]))))

    def all_of_them() -> None:
        with ThreadPoolExecutor(COUNT) as pool:
            list(pool.map(make, range(COUNT)))

    total, waiting = told(vcenter, f"{COUNT} clones by {COUNT} threads", all_of_them)
    assert total - waiting <= 2 * COUNT
    assert waiting <= 6 * COUNT
