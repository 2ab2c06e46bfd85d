"""kill -9 at points of `up` and `down` of 3+2 machines on EC2; then `up`, then `down`: exact counts, nothing left.

The points are before and after every journal write and every call of the API. FakeCloud is killed at all of them
(tests/crash); EC2 at some, in a VPC that exists, with a security group and a key pair of the cluster's own; or at all
of them, on a network of its own, with PROVISION_CRASH_FULL=1.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.crash.harness import in_memory
from tests.crash.points import STORE, Points, killed_at
from tests.emulated.ec2 import lab
from tests.emulated.ec2.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.ec2.lab import Strict

FULL = bool(os.environ.get("PROVISION_CRASH_FULL"))
STEP = 1 if FULL else 9


@pytest.fixture
def given(existing: Json, strict: Strict) -> Json:
    if FULL:
        return lab.options(strict)
    vpc = {k: v for k, v in existing["vpc"].items() if k != "security_groups"}
    return {k: v for k, v in existing.items() if k != "key_name"} | {"vpc": vpc}


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
    assert len(strict.world()["machine"]) == 5
    assert strict.ask("ever") == ever
    bench.down()
    assert strict.world() == {}


def test_up(given: Json, strict: Strict, ram: Path) -> None:
    number, least = 3, 20
    # The client is made once, before the forks.
    lab.provider(given, ram)._cloud.call("describe_vpcs")
    while True:
        strict.ask("tomorrow", {})  # each round is a cluster of its own, though they share a uid
        ever = strict.ask("ever")
        bench = Bench(given, ram / str(number))
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


def test_down(given: Json, strict: Strict, ram: Path) -> None:
    number, least = 2, 10
    while True:
        strict.ask("tomorrow", {})
        bench = Bench(given, ram / str(number))
        bench.up()
        ever = strict.ask("ever")
        if not killed_at(number, armed(bench, Bench.down)):
            break
        gone = 5 - len(strict.world().get("machine", []))
        finish(bench, strict, ever + gone)
        shutil.rmtree(bench.root)
        number += STEP
    assert number > least, "the points are not where they should be"
