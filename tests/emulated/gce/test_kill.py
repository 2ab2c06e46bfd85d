"""kill -9 at points of `up` and `down` of 3+2 machines on GCE; then `up`, then `down`: exact counts, nothing left.

The points are before and after every journal write and every call of the API. FakeCloud is killed at all of them
(tests/crash); GCE at some, or at all of them with PROVISION_CRASH_FULL=1. The strict GCE lives on in its own process.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.crash.harness import in_memory
from tests.crash.points import STORE, Points, killed_at
from tests.emulated.gce import lab
from tests.emulated.gce.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.emulated.gce.lab import Strict

STEP = 1 if os.environ.get("PROVISION_CRASH_FULL") else 29


@pytest.fixture
def ram() -> Iterator[Path]:
    with in_memory() as path:
        yield path


def armed(bench: Bench, run: Callable[[Bench], object]) -> Callable[[Points], None]:
    def dying(points: Points) -> None:
        points.wrap(bench.cloud._cloud, ("call",))
        bench.wrap_store = lambda store: points.wrap(store, STORE)
        run(bench)

    return dying


def finish(bench: Bench, strict: Strict, ever: int) -> None:
    """Go on after the death: everything once, and then nothing."""
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert len(strict.world()["instances"]) == 5
    assert strict.ask("ever") == ever
    bench.down()
    assert strict.world() == {}


def test_up(strict: Strict, ram: Path) -> None:
    number, least = 3, 60
    # The clients are made once, before the forks.
    list(lab.provider(lab.options(), ram).list(lab.OWNER))
    while True:
        strict.ask("tomorrow", {})  # each round is a cluster of its own, though they share a uid
        ever = strict.ask("ever")
        bench = Bench(lab.options(), ram / str(number))
        if not killed_at(number, armed(bench, Bench.up)):
            break
        if number % 2 == 0:  # every second one is not continued, but taken down
            bench.down()
            assert strict.world() == {}
        else:
            finish(bench, strict, ever + 5)
        shutil.rmtree(bench.root)
        number += STEP
    assert number > least, "the points are not where they should be"


def test_down(strict: Strict, ram: Path) -> None:
    number, least = 2, 30
    list(lab.provider(lab.options(), ram).list(lab.OWNER))
    while True:
        strict.ask("tomorrow", {})
        bench = Bench(lab.options(), ram / str(number))
        bench.up()
        ever = strict.ask("ever")
        if not killed_at(number, armed(bench, Bench.down)):
            break
        strict.wait_settled()
        gone = 5 - len(strict.world().get("instances", []))
        finish(bench, strict, ever + gone)
        shutil.rmtree(bench.root)
        number += STEP
    assert number > least, "the points are not where they should be"
