"""Waiting for what a platform does by itself: one `list` of the whole cluster answers for all that wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.apply.events import What
from provision.apply.lane import Call, Lane, Op
from provision.apply.retry import may_retry
from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Observed, State
from provision.state import records
from provision.state.fold import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.apply.board import Task
    from provision.apply.run import Run

MISSES = 5
"""Polls in a row in which a made machine may be missing, since a platform's reads may lag, before it has vanished."""

Snapshot = tuple[Observed, ...]


@dataclass(slots=True)
class _Look:
    """A question what became of a call; answered by a list that was begun at `earliest` (monotonic) or later."""

    earliest: float
    resolve: Callable[[Snapshot], None]
    tasks: tuple[Task, ...]


@dataclass(slots=True)
class _Sight:
    """Who waits on one provider."""

    starting: dict[Key, Task] = field(default_factory=dict)
    misses: dict[Key, int] = field(default_factory=dict)
    leaving: dict[str, Task] = field(default_factory=dict)
    details: dict[Key, str] = field(default_factory=dict)
    looks: list[_Look] = field(default_factory=list)
    at: float = 0.0
    delay: float = 0.0
    polling: bool = False

    def anyone(self) -> bool:
        return bool(self.starting or self.leaving or self.looks)


class Watch:
    """All that wait, by provider."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sights = {name: _Sight() for name in run.lanes}

    def until_ready(self, task: Task) -> None:
        """End a task when its thing is ready."""
        self._join(task.key.provider).starting[task.key] = task

    def until_gone(self, task: Task, target: Observed) -> None:
        """End a task when its target is listed no more."""
        self._join(task.key.provider).leaving[target.id] = task

    def look(self, provider: str, tasks: tuple[Task, ...], wait: float, resolve: Callable[[Snapshot], None]) -> None:
        """Call `resolve` with a list that is begun after `wait` seconds or later."""
        sight = self._join(provider)
        earliest = self._run.now + wait
        sight.looks.append(_Look(earliest, resolve, tasks))
        sight.at = min(sight.at, max(earliest, self._run.now + self._run.pace.poll))
        for task in tasks:
            self._run.emit(What.LOOKING, task.key, "what an earlier call did", seconds=wait)

    def poll(self) -> None:
        """Start the lists that are due."""
        for name, sight in self._sights.items():
            lane = self._run.lanes[name]
            due = sight.anyone() and not sight.polling and sight.at <= self._run.now
            if due and lane.wait(self._run.now) == 0.0:
                sight.polling = True
                lane.reserve()
                self._run.calls.append(Call(Op.LIST, lane, started=self._run.now, enough=_enough(sight)))

    def next_poll(self) -> float | None:
        """Return the monotonic time of the next list."""
        moments: list[float] = []
        for name, sight in self._sights.items():
            wait = self._run.lanes[name].wait(self._run.now)
            if sight.anyone() and not sight.polling and wait is not None:
                moments.append(max(sight.at, self._run.now + wait))
        return min(moments, default=None)

    def listed(self, lane: Lane, snapshot: Snapshot, started: float) -> None:
        """Answer all for whom a list holds an answer."""
        sight = self._sights[lane.provider.name]
        lane.budget.recover()
        self._answer_looks(sight, snapshot, started)
        self._answer_leaving(sight, snapshot)
        self._answer_starting(sight, snapshot)
        if sight.starting or sight.leaving:
            self._run.emit(What.WAITING, None, _waiting(sight), seconds=sight.delay)

    def ended(self, lane: Lane, error: ProviderError | None) -> None:
        """Plan the next list, or fail all who wait when the platform cannot be asked."""
        sight = self._sights[lane.provider.name]
        sight.polling = False
        sight.delay = min(self._run.pace.poll_cap, sight.delay * 1.5)
        sight.at = self._run.now + sight.delay
        if error is not None and error.kind is Kind.THROTTLED:
            lane.budget.slow(self._run.now)
        if error is not None and not may_retry(error):
            for task in self.forget(lane.provider.name):
                self._run.fail(task, f"it cannot be looked up: {error}")

    def forget(self, provider: str) -> list[Task]:
        """Stop waiting on a provider; return who waited."""
        sight = self._sights[provider]
        tasks = [*sight.starting.values(), *sight.leaving.values(), *(t for look in sight.looks for t in look.tasks)]
        self._sights[provider] = _Sight(polling=sight.polling)
        return tasks

    def _join(self, provider: str) -> _Sight:
        sight = self._sights[provider]
        if not sight.anyone():
            sight.delay = self._run.pace.poll
            sight.at = self._run.now + sight.delay
        return sight

    def _answer_looks(self, sight: _Sight, snapshot: Snapshot, started: float) -> None:
        due = [look for look in sight.looks if look.earliest <= started]
        sight.looks = [look for look in sight.looks if look.earliest > started]
        for look in due:
            look.resolve(snapshot)

    def _answer_leaving(self, sight: _Sight, snapshot: Snapshot) -> None:
        there = {o.id for o in snapshot}
        for id_, task in list(sight.leaving.items()):
            if id_ not in there:
                del sight.leaving[id_]
                self._run.record(records.deleted(task.key, id_))
                self._run.found.pop(task.key, None)
                self._run.done(task, What.DELETED, id=id_)

    def _answer_starting(self, sight: _Sight, snapshot: Snapshot) -> None:
        by_key = {Key(o.provider, o.kind, o.name): o for o in snapshot} if sight.starting else {}
        for key, task in list(sight.starting.items()):
            seen = by_key.get(key)
            sight.misses[key] = 0 if seen else sight.misses.get(key, 0) + 1
            if seen is not None:
                self._run.saw(key, seen)
                self._tell(sight, key, seen)
            if seen is not None and is_ready(seen):
                del sight.starting[key]
                self._run.done(task, What.READY, id=seen.id, zone=seen.zone)
            elif why := _hopeless(seen, sight.misses[key]):
                del sight.starting[key]
                self._run.fail(task, why)

    def _tell(self, sight: _Sight, key: Key, seen: Observed) -> None:
        """Say how far a thing came that takes its time, where its platform tells."""
        if seen.state is State.PENDING and seen.detail != sight.details.setdefault(key, ""):
            sight.details[key] = seen.detail
            self._run.emit(What.SAID, key, seen.detail)


def _enough(sight: _Sight) -> frozenset[Key]:
    """Return what a list must show at least; whether something is gone, only a whole one shows."""
    return frozenset() if sight.leaving or sight.looks else frozenset(sight.starting)


def is_ready(thing: Observed) -> bool:
    """Whether a machine runs, or a part may be used; some platforms report no state for parts."""
    if thing.kind == MACHINE:
        return thing.state is State.RUNNING
    return thing.state in {State.RUNNING, State.UNKNOWN, State.STOPPED}


def _hopeless(seen: Observed | None, misses: int) -> str:
    if seen is None:
        return "it has vanished while it was starting" if misses >= MISSES else ""
    if seen.state in {State.FAILED, State.DELETING}:
        return f"it is {seen.state}{f': {seen.detail}' if seen.detail else ''}"
    return ""


def _waiting(sight: _Sight) -> str:
    counts = ((len(sight.starting), "to be ready"), (len(sight.leaving), "to be gone"))
    return "waiting for " + " and ".join(f"{n} {what}" for n, what in counts if n)
