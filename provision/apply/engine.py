"""The engine: carries a plan out, once, whatever breaks. The main thread schedules; workers only call providers.

Each turn of its loop takes what workers and signals have put into the inbox, lets tasks whose turn has come form
calls, writes all outcomes and intents of the turn to the journal (durably, in one write), and only then hands the
calls to workers. First Ctrl-C: nothing new is started and calls under way are awaited; second: the process leaves, and
the journal holds the intents.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from provision.apply.board import Board
from provision.apply.dispatch import Dispatch
from provision.apply.events import Event, What
from provision.apply.lane import Answer, Ended, Lane, Listed, Message, Signalled
from provision.apply.retry import Pace
from provision.apply.run import Run
from provision.apply.watch import Watch
from provision.errors import Interrupted, PartialFailure, StateError
from provision.plan.order import arrange
from provision.state import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from provision.model import Observed
    from provision.plan.model import Plan
    from provision.provider import Provider
    from provision.state.cluster import ClusterState
    from provision.state.fold import Key


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has come to. `observed` are all things that are there now; `failures` are (step, reason)."""

    observed: Mapping[Key, Observed]
    failures: tuple[tuple[str, str], ...]


class Engine:
    """Carries one plan out.

    Args:
        plan: what to do; made from the state as it is now.
        providers: by name; all that the plan's steps mention.
        state: the cluster's, opened under the exclusive lock.
        bind: returns a machine's payload, given its name and generation; called right before its intent is written.
        clock: gives the time in UTC.
        listener: is told what happens, in the main thread.
        pace: times.
        stub: returns the payload of a machine whose body lies in a store, given its name and the body's outputs.
    """

    def __init__(
        self,
        plan: Plan,
        providers: Mapping[str, Provider],
        state: ClusterState,
        *,
        bind: Callable[[str, int], str],
        clock: Callable[[], datetime],
        listener: Callable[[Event], None] = lambda _: None,
        pace: Pace | None = None,
        stub: Callable[[str, Mapping[str, str]], str] | None = None,
    ) -> None:
        used = {s.key.provider for s in plan.steps}
        graph = arrange(plan.steps, {name: providers[name].traits for name in used})
        self._plan = plan
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        lanes = {name: Lane(providers[name], plan.owner, self._inbox) for name in used}
        board = Board(plan.steps, graph)
        self._run = Run(
            plan.owner, board, lanes, self._inbox, state, bind, stub or _no_store, clock, listener, pace or Pace()
        )
        self._watch = Watch(self._run)
        self._dispatch = Dispatch(self._run, self._watch)
        self._signals = 0
        self._started = self._drain_until = 0.0
        self._broken: StateError | None = None

    def run(self) -> Result:
        """Carry the plan out, and return what is there now.

        Raises:
            PartialFailure: some steps failed; what came up stays and is recorded.
            Interrupted: a signal, or two, asked to end; what was under way is recorded as such.
            StateError: the journal cannot be written any more; calls under way were awaited.
            Exception: a provider raised what is not a ProviderError; its intents stay open.
        """
        run = self._run
        run.tick()
        self._started = run.now
        with self._handling_signals():
            try:
                self._begin()
                while run.board.open and not self._over():
                    self._turn()
            finally:
                for lane in run.lanes.values():
                    lane.close()
        run.emit(What.ENDED, None, "interrupted" if self._signals else "")
        return self._conclude()

    @property
    def result(self) -> Result:
        """What is there now; also after `run` has raised."""
        return Result(dict(self._run.found), tuple(self._run.board.failures))

    def _begin(self) -> None:
        run, recorded = self._run, self._run.state.recorded
        run.emit(What.BEGUN, None, ", ".join(f"{n} to {a}" for a, n in self._plan.counts().items()))
        for step in self._plan.steps:
            if step.observed is not None:
                run.saw(step.key, step.observed)
        for key in self._plan.vanished:
            run.record(records.deleted(key, recorded.entries[key].id))
        self._advance()

    def _turn(self) -> None:
        messages = self._wait()
        self._run.tick()
        for message in messages:
            self._handle(message)
        self._run.due()
        self._check_time()
        self._advance()

    def _advance(self) -> None:
        """Let what is ready form calls; write outcomes and intents; send the calls."""
        run = self._run
        try:
            if not run.stopping:
                self._dispatch.start()
                self._dispatch.fill()
                self._dispatch.start()  # what forming calls has freed: a payload that could not be bound fails its task
                self._watch.poll()
            run.state.journal.append(run.records)
            run.records.clear()
            for call in run.calls:
                call.lane.send(call)
            run.calls.clear()
            if not run.stopping:
                self._dispatch.prepare()
        except StateError as error:
            self._stop_writing(error)

    def _handle(self, message: Message) -> None:
        match message:
            case Signalled():
                self._signalled(message)
            case Listed(call, observed):
                self._watch.listed(call.lane, observed, call.started)
            case Answer():
                self._dispatch.answer(message)
            case Ended():
                self._dispatch.ended(message)

    def _wait(self) -> list[Message]:
        """Return all messages that are there; wait for one until something else is due."""
        run = self._run
        moments = [self._deadline()]
        if not run.stopping:
            budgets = (lane.wait(run.now) for lane in run.lanes.values() if lane.busy)
            moments += [run.now + wait for wait in budgets if wait is not None]
            moments += [m for m in (run.next_timer(), self._watch.next_poll()) if m is not None]
        run.tick()
        messages: list[Message] = []
        try:
            messages.append(self._inbox.get(timeout=max(0.0, min(moments) - run.now)))
            while True:
                messages.append(self._inbox.get_nowait())
        except Empty:
            return messages

    def _deadline(self) -> float:
        return self._drain_until if self._run.stopping else self._started + self._run.pace.timeout

    def _check_time(self) -> None:
        run = self._run
        if not run.stopping and run.now >= self._deadline():
            run.stopping = f"the time is up after {run.pace.timeout:g} s"
        if run.stopping and not self._drain_until:
            self._drain_until = run.now + run.pace.grace
            under_way = sum(lane.active for lane in run.lanes.values())
            run.emit(What.DRAINING, None, f"{run.stopping}; {under_way} calls under way", seconds=run.pace.grace)

    def _over(self) -> bool:
        run = self._run
        drained = not any(lane.active for lane in run.lanes.values()) or run.now >= self._drain_until
        return self._signals > 1 or (bool(run.stopping) and bool(self._drain_until) and drained)

    def _signalled(self, message: Signalled) -> None:
        self._signals += 1
        self._run.stopping = self._run.stopping or signal.Signals(message.number).name

    def _stop_writing(self, error: StateError) -> None:
        """Send nothing that is not recorded; outcomes stay in `records` for a last try."""
        self._broken = self._broken or error
        self._run.stopping = self._run.stopping or str(error)
        self._run.records = [r for r in self._run.records if r["kind"] != "intent"]
        for call in self._run.calls:
            call.lane.active -= 1
        self._run.calls.clear()
        self._check_time()

    def _conclude(self) -> Result:
        run = self._run
        try:
            run.state.journal.append(run.records)
        except StateError as error:
            self._broken = self._broken or error
        if run.bug is not None:
            raise run.bug
        if self._broken is not None:
            raise self._broken
        if self._signals:
            hint = "run the same command again to go on, or `provision down` to remove all"
            raise Interrupted(_interrupted(run), hint=hint)
        for task in run.board.unfinished():
            run.fail(task, run.stopping or "not finished")
        if run.board.failures:
            count = len(run.board.failures)
            raise PartialFailure(
                f"{count} of {len(run.board.tasks)} steps failed",
                run.board.failures,
                hint="`provision up` again goes on",
            )
        return self.result

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        """Have SIGINT and SIGTERM wake the loop; a handler may put on a SimpleQueue at any moment."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        old = [signal.signal(n, lambda number, _: self._inbox.put(Signalled(number))) for n in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, old, strict=True):
                signal.signal(number, handler)


def _no_store(name: str, _: Mapping[str, str]) -> str:
    raise AssertionError(f"{name} has a body in a store, and nobody says how it is told")


def _interrupted(run: Run) -> str:
    under_way = sum(lane.active for lane in run.lanes.values())
    left = len(run.board.unfinished())
    return f"interrupted with {left} steps unfinished" + (f", {under_way} calls under way" if under_way else "")
