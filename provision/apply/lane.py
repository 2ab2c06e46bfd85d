"""One provider's queue, slots and rate, and the daemon threads that call it.

A worker does nothing but call the provider and put what came of it into the engine's inbox. Threads are daemons and
are never joined: after the second Ctrl-C the process leaves although an SDK call blocks.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from queue import SimpleQueue
from typing import TYPE_CHECKING

from provision.apply.retry import RateBudget
from provision.errors import ProviderError
from provision.state.fold import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from provision.apply.board import Task
    from provision.model import Change, Observed, Owner, Request
    from provision.provider import Outcome, Provider


class Op(StrEnum):
    """Which of a provider's methods is called."""

    CREATE = "create"
    DELETE = "delete"
    CHANGE = "change"
    LIST = "list"


@dataclass(slots=True, eq=False)
class Call:
    """One call of a provider's method, and, for retries, what is known of its earlier tries.

    `tasks` are those that still wait for a final answer, by the name that the answer will carry, and `errors` their
    failures in this try. `announced` says that its intent is written, `doubt` that its effect is not known, `whole`
    that the failure was the call's and not one thing's. `first_failure` and `started` are monotonic times. `enough` are
    the things after which a list need not be read on; nothing when all of it is wanted.
    """

    op: Op
    lane: Lane
    tasks: dict[str, Task] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    changes: tuple[Change, ...] = ()
    targets: tuple[Observed, ...] = ()
    announced: bool = False
    attempts: int = 0
    first_failure: float | None = None
    doubt: bool = False
    errors: dict[str, ProviderError] = field(default_factory=dict)
    whole: bool = False
    started: float = 0.0
    enough: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's outcome for one thing of a call."""

    call: Call
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Listed:
    """What a provider lists; asked for at `call.started`."""

    call: Call
    observed: tuple[Observed, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A call is over. `bug` is an exception that must not leave a provider."""

    call: Call
    error: ProviderError | None = None
    bug: Exception | None = None


@dataclass(frozen=True, slots=True)
class Signalled:
    """SIGINT or SIGTERM arrived."""

    number: int


Message = Answer | Listed | Ended | Signalled


class Lane:
    """One provider within a run."""

    def __init__(self, provider: Provider, owner: Owner, inbox: SimpleQueue[Message]) -> None:
        self.provider, self.owner = provider, owner
        self.traits = provider.traits
        self.budget = RateBudget(self.traits.rate)
        self.active = 0
        self.groups: dict[Hashable, deque[Task]] = {}
        self.again: deque[Call] = deque()
        self.prepared: deque[Call] = deque()
        self._inbox = inbox
        self._jobs: SimpleQueue[Call | None] = SimpleQueue()
        self._threads = 0

    def queue(self, group: Hashable, task: Task) -> None:
        """Add a task to those that may share a call."""
        self.groups.setdefault(group, deque()).append(task)

    @property
    def busy(self) -> bool:
        """Whether there is something to call for."""
        return bool(self.again or self.prepared or self.groups)

    def wait(self, now: float) -> float | None:
        """Return the seconds until another call may start, None when all slots are taken."""
        return None if self.active >= self.traits.concurrency else self.budget.wait(now)

    def reserve(self) -> None:
        """Take a slot and a token of the rate for a call that is about to be sent."""
        self.active += 1
        self.budget.take()

    def send(self, call: Call) -> None:
        """Hand a call to a worker."""
        if self._threads < self.active:
            self._threads += 1
            name = f"{self.provider.name}-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(call)

    def close(self) -> None:
        """Let the workers go; those in a call end with it."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (call := self._jobs.get()) is not None:
            perform(call, self._inbox.put)


def perform(call: Call, put: Callable[[Message], None]) -> None:
    """Make a call and put its outcomes, one by one, then its end."""
    error: ProviderError | None = None
    bug: Exception | None = None
    try:
        if call.op is Op.LIST:
            put(Listed(call, tuple(_listed(call))))
        else:
            for outcome in _outcomes(call):
                put(Answer(call, outcome))
    except ProviderError as caught:
        error = caught
    except Exception as caught:  # noqa: BLE001 - a plugin's bug, reported by the main thread with its traceback
        bug = caught
    put(Ended(call, error, bug))


def _listed(call: Call) -> Iterator[Observed]:
    """Read a list as far as it is wanted: providers ask for its next page only then."""
    missing = set(call.enough)
    for thing in call.lane.provider.list(call.lane.owner):
        yield thing
        missing.discard(Key(thing.provider, thing.kind, thing.name))
        if call.enough and not missing:
            return


def _outcomes(call: Call) -> Iterator[Outcome]:
    provider = call.lane.provider
    match call.op:
        case Op.CREATE:
            return provider.create(call.requests)
        case Op.DELETE:
            return provider.delete(call.targets)
        case _:
            return provider.change(call.changes)
