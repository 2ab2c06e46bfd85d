"""Which phases of a plan are open, ready, done or failed. Pure bookkeeping; nothing is called here."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.plan.model import Action, Step
from provision.plan.order import BARRIER, Node, Phase
from provision.state.fold import Key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.model import Observed
    from provision.plan.wanted import Thing


_NOTHING = Step(Action.KEEP, Key("", "", ""))
"""What the barrier does."""


class Progress(StrEnum):
    """How far a task is."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class Task:
    """One phase of one step under way.

    `blockers` counts the tasks that must end first. `generation`, `zones_tried` and `renewals` belong to creations,
    `target` to deletions; `payload` is kept while a bound machine waits for its call.
    """

    node: Node
    step: Step
    blockers: int = 0
    unlocks: list[Task] = field(default_factory=list)
    progress: Progress = Progress.OPEN
    generation: int = 0
    zones_tried: int = 0
    renewals: int = 0
    target: Observed | None = None
    payload: str | None = None
    began: float | None = None

    @property
    def key(self) -> Key:
        """Which thing it is about."""
        return self.step.key

    @property
    def thing(self) -> Thing:
        """As it is wanted; only what is deleted is not."""
        if self.step.thing is None:
            raise AssertionError(f"{self.key} is not wanted")
        return self.step.thing

    @property
    def phase(self) -> Phase:
        """What is done."""
        return self.node.phase


class Board:
    """All tasks of a plan; `take_ready` hands each out once, when its turn has come."""

    def __init__(self, steps: Sequence[Step], graph: Mapping[Node, set[Node]]) -> None:
        self.tasks = {n: Task(n, steps[n.step] if n != BARRIER else _NOTHING, len(b)) for n, b in graph.items()}
        for node, before in graph.items():
            self.tasks[node].generation = self.tasks[node].step.generation
            for other in before:
                self.tasks[other].unlocks.append(self.tasks[node])
        self.open = len(self.tasks)
        self.failures: list[tuple[str, str]] = []
        self._ready = deque(t for t in self.tasks.values() if not t.blockers)

    def take_ready(self) -> Iterator[Task]:
        """Yield the tasks whose turn has come since the last call; the barrier passes by itself."""
        while self._ready:
            task = self._ready.popleft()
            if task.node == BARRIER:
                self.done(task)
            elif task.progress is Progress.OPEN:
                yield task

    def done(self, task: Task) -> None:
        """End a task well, and free those that wait for it."""
        if task.progress is not Progress.OPEN:
            return
        task.progress = Progress.DONE
        self.open -= 1
        for other in task.unlocks:
            other.blockers -= 1
            if not other.blockers:
                self._ready.append(other)

    def fail(self, task: Task, reason: str) -> list[Task]:
        """End a task badly; return the tasks that can never start because of it, which end too."""
        if task.progress is not Progress.OPEN:
            return []
        self._end(task, reason)
        skipped: list[Task] = []
        cause = task.key.name
        waiting = list(task.unlocks)
        while waiting:
            other = waiting.pop()
            if other.progress is Progress.OPEN:
                if other.node != BARRIER:
                    skipped.append(other)
                self._end(other, f"not tried, since {cause} failed")
                waiting += other.unlocks
        return skipped

    def unfinished(self) -> list[Task]:
        """Return the tasks that have not ended."""
        return [t for t in self.tasks.values() if t.progress is Progress.OPEN and t.node != BARRIER]

    def _end(self, task: Task, reason: str) -> None:
        task.progress = Progress.FAILED
        self.open -= 1
        if task.node != BARRIER:
            self.failures.append((f"{task.phase} {task.key.kind} {task.key.name}", reason))
