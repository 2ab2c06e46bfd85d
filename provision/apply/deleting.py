"""Deleting: already gone is success, a lost answer is asked again, and what may have been made is looked for first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from provision.apply.calls import Doer
from provision.apply.events import What
from provision.apply.lane import Call, Lane, Op
from provision.errors import Kind, ProviderError
from provision.model import Observed, State
from provision.state import records

if TYPE_CHECKING:
    from provision.apply.board import Task
    from provision.apply.run import Run
    from provision.apply.watch import Snapshot, Watch
    from provision.provider import Outcome


class Deleting(Doer):
    """The deletions of a run."""

    def __init__(self, run: Run, watch: Watch) -> None:
        super().__init__(run)
        self._watch = watch
        self._claimed: set[str] = set()

    def limit(self, lane: Lane) -> int:
        """Return how many things the platform deletes in one call."""
        return lane.traits.delete_batch

    def ready(self, task: Task) -> None:
        """Queue a deletion; look first when it is not known whether there is anything to delete."""
        task.began = self.run.now
        task.target = task.step.observed
        if task.target is not None:
            self._queue(task)
        else:
            wait = self._unsettled(task)
            self._watch.look(task.key.provider, (task,), wait, lambda snapshot: self._found(task, snapshot))

    def form(self, lane: Lane, tasks: list[Task]) -> Call | None:
        """Take each name once: outcomes are told apart by name, so a second thing of one goes in another call."""
        chosen: dict[str, Task] = {}
        targets: list[Observed] = []
        for task in tasks:
            if task.target is None or task.target.name in chosen:
                lane.queue(task, task)
                continue
            chosen[task.target.name] = task
            targets.append(task.target)
        return Call(Op.DELETE, lane, tasks=chosen, targets=tuple(targets))

    def announce(self, call: Call) -> None:
        """Write the intent."""
        going = [(t.key, t.target) for t in call.tasks.values() if t.target]
        self.run.record(records.will_delete(going))
        for task in call.tasks.values():
            self.run.emit(
                What.DELETING, task.key, "; ".join(task.step.reasons), id=task.target.id if task.target else ""
            )

    def succeeded(self, call: Call, task: Task, outcome: Outcome) -> None:  # noqa: ARG002
        """Record that it is gone, or wait until it is when the platform only says that it is going."""
        if outcome.observed is not None and outcome.observed.state is State.DELETING:
            self._watch.until_gone(task, outcome.observed)
        else:
            self._gone(task)

    def keep(self, call: Call, error: ProviderError) -> bool:
        """Keep what may be tried again; a conflict passes when what hangs on the thing is gone."""
        if error.kind is Kind.CONFLICT:
            return True
        return super().keep(call, error)

    def refused(self, call: Call, task: Task, error: ProviderError) -> None:
        """Take NOT_FOUND for success; try one by one what was refused together; else give it up."""
        if error.kind is Kind.NOT_FOUND:
            self._gone(task)
        elif call.whole and len(call.targets) > 1 and not self.run.stopping and error.kind is not Kind.AUTH:
            self.run.lane(task).queue(task, task)
        elif task.target is not None:
            if error.kind is not Kind.AMBIGUOUS:
                self.run.record(records.not_deleted(task.key, task.target, error))
            self.run.fail(task, str(error))

    def again(self, call: Call, delay: float) -> None:
        """Ask again for what is left."""
        call.targets = tuple(t for t in call.targets if t.name in call.tasks)
        super().again(call, delay)

    def _queue(self, task: Task) -> None:
        lane = self.run.lane(task)
        lane.queue((Op.DELETE, task.key.kind) if lane.traits.delete_batch > 1 else task, task)

    def _gone(self, task: Task) -> None:
        id_ = task.target.id if task.target else ""
        self.run.record(records.deleted(task.key, id_))
        self.run.found.pop(task.key, None)
        self.run.done(task, What.DELETED, id=id_)

    def _found(self, task: Task, snapshot: Snapshot) -> None:
        """Delete what a lost request made; a batch's machines may not have their names yet, so its token counts too."""
        mine = (o for o in snapshot if o.kind == task.key.kind and o.id not in self._claimed)
        target = next((o for o in mine if o.name == task.key.name or (o.token and o.token == task.step.resend)), None)
        if target is None:
            self._gone(task)
            return
        self._claimed.add(target.id)
        task.target = target
        self._queue(task)

    def _unsettled(self, task: Task) -> float:
        age = (self.run.clock() - datetime.fromisoformat(task.step.look)).total_seconds() if task.step.look else 0.0
        return max(0.0, self.run.lane(task).traits.settle - max(0.0, age))
