"""Two runs at once, and signals: in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.apply.events import Event, What
from provision.errors import Interrupted, LockHeld
from provision.state.lock import Holder

from .harness import QUICK, Bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INTERRUPTED = 130
DONE = 0


def _child(run: Callable[[], object]) -> int:
    """Fork a child that runs something; its exit code says how that ended."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run()
            code = DONE
        except Interrupted:
            code = INTERRUPTED
        finally:
            os._exit(code)
    return pid


def _ended(pid: int, within: float = 20.0) -> int:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pytest.fail(f"the run did not end within {within} s")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Told(list[Event]):
    """Events of a child, which says so through a pipe when it drains."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self.pipe = pipe

    def append(self, event: Event) -> None:
        if event.what is What.DRAINING:
            os.write(self.pipe, b".")


def _machines(bench: Bench) -> int:
    return sum(o.kind == "machine" for o in bench.cloud.census())


def test_a_second_run_is_refused_with_the_holders_name(ram: Path) -> None:
    bench = Bench(ram, options={"latency": 0.2})
    run = _child(bench.up)
    _until(lambda: bench.cloud.calls()["create"] > 0)
    with pytest.raises(LockHeld, match=rf"'test' \(pid {run}, \w+@.*, since 20"):
        Bench(ram).up()
    assert _ended(run) == DONE
    assert max(bench.cloud.ever_made().values()) == 1


def test_a_second_run_may_wait(ram: Path) -> None:
    bench = Bench(ram, options={"latency": 0.05})
    runs = [_child(bench.up)]
    _until(lambda: bench.cloud.calls()["create"] > 0)
    told: list[Holder | None] = []
    with bench.store().lock(Holder.current("second"), timeout=20, waiting=told.append):
        assert told
        assert told[0] is None or told[0].pid == runs[0]
        assert bench.plan().empty
    assert _ended(runs[0]) == DONE


def test_many_runs_at_once_make_everything_once(ram: Path) -> None:
    bench = Bench(ram)

    def patiently() -> None:
        for _ in range(200):
            with suppress(LockHeld):
                bench.up()
                return
            time.sleep(0.01)
        sys.exit(1)

    runs = [_child(patiently) for _ in range(4)]
    assert [_ended(run) for run in runs] == [DONE] * 4
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(ram: Path, number: signal.Signals) -> None:
    bench = Bench(ram, voters=6, traits={"concurrency": 2, "batch": 1}, options={"latency": 0.1})
    run = _child(bench.up)
    _until(lambda: _machines(bench) > 0)
    os.kill(run, number)
    assert _ended(run) == INTERRUPTED
    made = _machines(bench)
    assert 0 < made < 8
    assert not [e for e in bench.state().recorded.live() if e.status == "unknown"], "calls under way were awaited"
    bench.options = {}
    bench.cloud = bench.connect()
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1


def test_the_second_signal_leaves_although_a_call_blocks(ram: Path) -> None:
    bench = Bench(ram, options={"latency": 0.0}, pace=replace(QUICK, grace=60))
    create = bench.cloud.create

    def blocking(batch):  # type: ignore[no-untyped-def]
        outcomes = create(batch)
        if batch[0].name == "core-1":
            time.sleep(60)
        return outcomes

    bench.cloud.create = blocking  # type: ignore[method-assign]
    told, tell = os.pipe()
    bench.events = Told(tell)
    run = _child(bench.up)
    _until(lambda: _machines(bench) > 2)
    began = time.monotonic()
    os.kill(run, signal.SIGINT)
    assert os.read(told, 1)
    os.close(told)
    os.close(tell)
    assert os.waitpid(run, os.WNOHANG) == (0, 0), "the first signal waits for the call"
    os.kill(run, signal.SIGINT)
    assert _ended(run) == INTERRUPTED
    assert time.monotonic() - began < 10
    bench.cloud.create = create  # type: ignore[method-assign]
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1
