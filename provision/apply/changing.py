"""Changing in place, and adopting: what needs no new thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.apply.calls import Doer
from provision.apply.events import What
from provision.apply.kept import kept
from provision.apply.lane import Call, Lane, Op
from provision.plan.model import Action
from provision.state import records

if TYPE_CHECKING:
    from provision.apply.board import Task
    from provision.errors import ProviderError
    from provision.model import Observed
    from provision.provider import Outcome


class Changing(Doer):
    """The changes of a run; a change may be repeated, so a lost answer is asked for again."""

    def limit(self, lane: Lane) -> int:
        """Return how many things one call changes."""
        return lane.traits.delete_batch

    def ready(self, task: Task) -> None:
        """Queue a change; an adoption that changes nothing is only recorded."""
        task.began = self.run.now
        if task.step.change is None:
            self._record(task, task.step.observed)
        else:
            lane = self.run.lane(task)
            lane.queue((Op.CHANGE, task.key.kind) if lane.traits.delete_batch > 1 else task, task)

    def form(self, lane: Lane, tasks: list[Task]) -> Call | None:
        """Take all of them."""
        changes = tuple(t.step.change for t in tasks if t.step.change)
        return Call(Op.CHANGE, lane, tasks={t.key.name: t for t in tasks}, changes=changes)

    def announce(self, call: Call) -> None:
        """Write the intent."""
        tasks = call.tasks.values()
        self.run.record(records.will_change([(t.key, c.target) for t, c in zip(tasks, call.changes, strict=True)]))
        for task in tasks:
            self.run.emit(What.CHANGING, task.key, "; ".join(task.step.reasons))

    def succeeded(self, call: Call, task: Task, outcome: Outcome) -> None:  # noqa: ARG002
        """Record how it is now."""
        self._record(task, outcome.observed)

    def refused(self, call: Call, task: Task, error: ProviderError) -> None:  # noqa: ARG002
        """Give it up: the thing stays as it was."""
        self.run.fail(task, str(error))

    def again(self, call: Call, delay: float) -> None:
        """Ask again for what is left."""
        call.changes = tuple(c for c in call.changes if c.target.name in call.tasks)
        super().again(call, delay)

    def _record(self, task: Task, now: Observed | None) -> None:
        step = task.step
        thing = now or step.observed
        if thing is None:
            raise AssertionError(f"{step.key} was changed, but never seen")
        entry = kept(self.run.state, step, thing)
        self.run.saw(step.key, thing)
        if step.action is Action.ADOPT:
            self.run.record(records.adopted(entry))
            self.run.done(task, What.ADOPTED, "; ".join(step.reasons), id=thing.id)
        else:
            self.run.record(records.changed(entry))
            self.run.done(task, What.CHANGED, id=thing.id)
