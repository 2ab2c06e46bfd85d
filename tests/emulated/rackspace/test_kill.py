"""kill -9 at points of `up` and `down` of 3+2 machines on Rackspace; then both again: exact counts, nothing left.

The points are before and after every journal write and every call of the API. FakeCloud is killed at all of them
(tests/crash); Rackspace at some, or at all of them with PROVISION_CRASH_FULL=1.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.crash.harness import in_memory
from tests.crash.points import STORE, Points, killed_at
from tests.emulated.rackspace import lab
from tests.emulated.rackspace.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.emulated.rackspace.lab import Strict

FULL = bool(os.environ.get("PROVISION_CRASH_FULL"))
STEP = 1 if FULL else 23


@pytest.fixture
def ram() -> Iterator[Path]:
    with in_memory() as path:
        yield path


def bench_in(where: Path) -> Bench:
    return Bench({}, where)


def armed(bench: Bench, run: Callable[[Bench], object]) -> Callable[[Points], None]:
    def dying(points: Points) -> None:
        bench.connect()
        points.wrap(bench.cloud._cloud, ("call",))
        bench.wrap_store = lambda store: points.wrap(store, STORE)
        run(bench)

    return dying


def finish(bench: Bench, strict: Strict, ever: int) -> None:
    """Go on after the death: everything once, and then nothing."""
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert len(strict.world()["machine"]) == 5
    assert strict.ask("ever") == ever
    bench.down()
    assert strict.world() == {}


def test_up(strict: Strict, ram: Path) -> None:
    number, least = 5, 40
    while True:
        ever = strict.ask("ever")
        bench = bench_in(ram / str(number))
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
    number, least = 4, 25
    while True:
        bench = bench_in(ram / str(number))
        bench.up()
        ever = strict.ask("ever")
        if not killed_at(number, armed(bench, Bench.down)):
            break
        # What is being deleted, or has been, is made again.
        standing = {o.id for o in bench.cloud.list(lab.OWNER) if o.kind == "machine" and o.state != "deleting"}
        finish(bench, strict, ever + 5 - len(standing))
        shutil.rmtree(bench.root)
        number += STEP
    assert number > least, "the points are not where they should be"
