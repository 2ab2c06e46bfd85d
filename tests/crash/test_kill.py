"""kill -9 at every point of `up` and `down` of 3+2 machines; then `up`, then `down`: exact counts, nothing left.

The cloud with batches whose machines get their names late has the most points, and is killed at each of them; the
others at every third or seventh, or at every one with PROVISION_CRASH_FULL=1.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .harness import Bench
from .points import Points, killed_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FULL = bool(os.environ.get("PROVISION_CRASH_FULL"))
SHARDS = 4
"""The points are dealt out to so many tests, so that xdist can share them."""

CLOUDS: dict[str, dict[str, Any]] = {
    "late-names": {"options": {"late_names": True}},
    "singly": {"traits": {"batch": 1, "delete_batch": 1}},
    "no-tokens": {"traits": {"batch": 1, "idempotent": False}},
    "lagging": {"options": {"visible": 0.05}, "traits": {"settle": 0.15}},
    "lagging-no-tokens": {"options": {"visible": 0.05}, "traits": {"batch": 1, "idempotent": False, "settle": 0.15}},
    "slow": {"options": {"boot": 0.01, "going": 0.01}},
}
EVERY = [("late-names", n + 1, SHARDS) for n in range(SHARDS)]
SOME = [(cloud, n, 1 if FULL else 3 if "lagging" in cloud else 7) for n, cloud in enumerate(CLOUDS) if n]
DEALT = pytest.mark.parametrize(("cloud", "first", "step"), EVERY + SOME)


def _armed(bench: Bench, **more: Any) -> Callable[[Points], None]:
    def run(points: Points) -> None:
        points.arm(bench)
        bench.apply(**more)

    return run


def _assert_once(bench: Bench) -> None:
    assert bench.names() == bench.wanted_names()
    assert bench.plan().empty


def _down(bench: Bench) -> None:
    bench.down()
    assert bench.names() == []
    assert not bench.state().recorded.live()
    bench.cloud.database.close()


def _up_and_down(bench: Bench) -> None:
    bench.up()
    _assert_once(bench)
    assert max(bench.cloud.ever_made().values()) == 1
    _down(bench)


def _deaths(
    root: Path, cloud: str, first: int, step: int, run: Callable[[Bench], Callable[[Points], None]]
) -> Iterator[Bench]:
    """Yield one bench after another, each left by a run that died a few points later than the one before."""
    number, least = first, 20
    prepared = root / "prepared"
    while True:
        bench = Bench(root / str(number), **CLOUDS[cloud])
        if prepared.exists():
            shutil.copytree(prepared, bench.root)
        if not killed_at(number, run(bench)):
            break
        yield bench
        shutil.rmtree(bench.root)
        number += step
    assert number > least, "the points are not where they should be"


@DEALT
def test_up(ram: Path, cloud: str, first: int, step: int) -> None:
    for number, bench in enumerate(_deaths(ram, cloud, first, step, _armed)):
        twin = Bench(ram / "twin", **CLOUDS[cloud])
        shutil.copytree(bench.root, twin.root)
        # Which of the two comes at once, and which when what was lagging has shown, is taken in turns.
        for again in (_up_and_down, _down) if number % 2 else (_down, _up_and_down):
            again(bench if again is _up_and_down else twin)
        shutil.rmtree(twin.root)


@DEALT
def test_down(ram: Path, cloud: str, first: int, step: int) -> None:
    prepared = Bench(ram / "prepared", **CLOUDS[cloud])
    prepared.up()
    prepared.cloud.database.close()
    for bench in _deaths(ram, cloud, first, step, lambda bench: _armed(bench, things=[])):
        twin = Bench(ram / "twin", **CLOUDS[cloud])
        shutil.copytree(bench.root, twin.root)
        twin.up()
        _assert_once(twin)
        _down(twin)
        shutil.rmtree(twin.root)

        _down(bench)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_replace(ram: Path, cloud: str) -> None:
    """Killed while machines are replaced, one etcd member and all workers at once."""
    prepared = Bench(ram / "prepared", **CLOUDS[cloud])
    prepared.up()
    prepared.cloud.database.close()

    def changed(bench: Bench) -> Callable[[Points], None]:
        bench.config = "v2"
        return _armed(bench)

    for bench in _deaths(ram, cloud, 2, 1 if FULL else 5, changed):
        while not bench.plan().empty:
            bench.up()
        _assert_once(bench)
        assert {bench.cloud.payload(m.name).strip() for m in bench.things() if m.is_machine} == {"v2"}
        _down(bench)
