"""What plans and the engine cost. Reported, not asserted: read the figures, and how they grow."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.model import batch_token
from provision.plan.diff import diff
from provision.state.cluster import ClusterState
from provision.state.fold import Recorded
from provision.state.journal import Journal
from tests.crash.harness import OWNER, QUICK, UID, Bench, in_memory, now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.perf, pytest.mark.timeout(900)]


def _cpu(run: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def _diff(bench: Bench, things: list[Any], recorded: Recorded, observed: Any, recipe: Any = None) -> Any:
    traits = {"fake": bench.cloud.traits}
    return diff(things, recorded, observed, owner=OWNER, traits=traits, recipe=recipe or (lambda _: None))


def test_plan(tmp_path: Path) -> None:
    bench = Bench(tmp_path, voters=3, workers=997, own_payloads=True)
    things = bench.things()
    wall, cpu, plan = _cpu(lambda: _diff(bench, things, Recorded(), []))
    print(f"\nplan of {len(plan.steps)} fresh: {wall:.3f} s, {cpu:.3f} s CPU")

    bench = Bench(tmp_path / "large", voters=3, workers=4997)
    bench.up()
    wall, cpu, things = _cpu(bench.things)
    print(f"wanted, with fingerprints, of {len(things)}: {cpu:.3f} s CPU")
    wall, cpu, state = _cpu(lambda: ClusterState(bench.store(), now))
    print(f"journal read: {cpu:.3f} s CPU")
    observed = list(bench.cloud.list(OWNER))
    wall, cpu, plan = _cpu(lambda: _diff(bench, things, state.recorded, observed, state.recipe))
    assert plan.empty
    print(f"plan of {len(plan.steps)} unchanged: {wall:.3f} s, {cpu:.3f} s CPU")


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "disk"])
def test_engine_overhead(tmp_path: Path, memory: bool) -> None:
    """What a machine costs beyond the provider's own calls, each machine with a payload and a call of its own."""
    print()
    for count in (100, 1000, 5000):
        if memory:
            with in_memory() as path:
                _overhead(path, count)
        else:
            _overhead(tmp_path / str(count), count)


def _overhead(path: Path, count: int) -> None:
    bench = Bench(path, voters=0, workers=count, own_payloads=True, pace=replace(QUICK, timeout=600))
    things = bench.things()
    floor = _floor(Bench(path / "floor", voters=0, workers=count, own_payloads=True))
    wall, cpu, _ = _cpu(lambda: bench.apply(things))
    down, down_cpu, _ = _cpu(bench.down)
    print(
        f"{count:5} machines: up {wall:6.2f} s ({cpu:.2f} CPU), the calls alone {floor:6.2f} s; "
        f"overhead {(wall - floor) / count * 1000:5.2f} ms a machine; down {down:.2f} s ({down_cpu:.2f} CPU)"
    )


def _floor(bench: Bench) -> float:
    """The time of the same calls, one after another, with nothing around them."""
    made: dict[str, Any] = {}
    began = time.perf_counter()
    for thing in bench.things():
        request = thing.request
        inputs = {need: made[need] for need in request.needs}
        token = batch_token(UID, {request.name: 1})
        sent = replace(request, token=token, inputs=inputs, payload=bench.bind(request.name, 1))
        (outcome,) = bench.cloud.create([sent])
        assert outcome.observed
        if request.kind != "machine":
            made[request.name] = outcome.observed.outputs
    return time.perf_counter() - began


def test_journal_append(tmp_path: Path) -> None:
    journal = Journal(Bench(tmp_path).store(), now)
    times = []
    for number in range(500):
        began = time.perf_counter()
        journal.append([{"kind": "note", "topic": "t", "data": {"n": number, "x": "y" * 200}}])
        times.append(time.perf_counter() - began)
    first, last = statistics.median(times[:100]), statistics.median(times[-100:])
    print(f"\njournal append: median {first * 1000:.2f} ms at first, {last * 1000:.2f} ms after 400 records")


@pytest.mark.parametrize("payloads", ["one payload", "50 payloads"])
def test_calls_for_fifty(tmp_path: Path, payloads: str) -> None:
    bench = Bench(tmp_path, voters=0, workers=50, own_payloads=payloads != "one payload", traits={"batch": 50})
    bench.up()
    up = dict(bench.cloud.calls())
    bench.down()
    down = {op: n - up.get(op, 0) for op, n in bench.cloud.calls().items()}
    print(f"\n50 machines, {payloads}, and two parts: up {up}, down {down}")


def test_up_of_fifty_with_latency(tmp_path: Path) -> None:
    """Against the floor: as many workers as the provider allows, doing nothing but the calls."""
    bench = Bench(tmp_path, voters=0, workers=50, own_payloads=True, options={"latency": 0.05})
    wall, _, _ = _cpu(bench.up)
    rounds = -(-50 // bench.cloud.traits.concurrency) + 2 + 1
    print(f"\nup of 50 with 50 ms a call: {wall:.2f} s; {rounds} rounds of calls take {rounds * 0.05:.2f} s at best")
