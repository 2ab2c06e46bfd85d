"""From tasks whose turn has come to calls, as slots and rates allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.apply.changing import Changing
from provision.apply.creating import Creating
from provision.apply.deleting import Deleting
from provision.apply.lane import Answer, Call, Ended, Lane, Op
from provision.plan.order import Phase

if TYPE_CHECKING:
    from provision.apply.board import Task
    from provision.apply.calls import Doer
    from provision.apply.run import Run
    from provision.apply.watch import Watch

OPS = {Phase.CREATE: Op.CREATE, Phase.DELETE: Op.DELETE, Phase.CHANGE: Op.CHANGE}


class Dispatch:
    """Forms a run's calls, and brings their answers to whoever formed them."""

    def __init__(self, run: Run, watch: Watch) -> None:
        self._run, self._watch = run, watch
        self._doers: dict[Op, Doer] = {
            Op.CREATE: Creating(run, watch),
            Op.DELETE: Deleting(run, watch),
            Op.CHANGE: Changing(run),
        }

    def start(self) -> None:
        """Take on all tasks whose turn has come.

        Raises:
            StateError: the stored request of an earlier run cannot be read.
        """
        for task in self._run.board.take_ready():
            if task.phase is Phase.WAIT:
                self._watch.until_ready(task)
            else:
                self._doers[OPS[task.phase]].ready(task)

    def fill(self) -> None:
        """Form calls and write their intents, as long as there are slots and rates allow.

        Raises:
            StateError: a request cannot be stored.
        """
        for lane in self._run.lanes.values():
            while lane.busy and lane.wait(self._run.now) == 0.0:
                waiting = lane.again or lane.prepared
                call = waiting.popleft() if waiting else self._form(lane)
                if call is not None:
                    self._send(call)

    def prepare(self) -> None:
        """Form the next creations while all slots are taken: to store requests takes longer than to write intents.

        Raises:
            StateError: a request cannot be stored.
        """
        for lane in self._run.lanes.values():
            while _creates_next(lane) and len(lane.prepared) < lane.traits.concurrency and self._run.inbox.empty():
                call = self._form(lane)
                if call is not None:
                    lane.prepared.append(call)

    def answer(self, message: Answer) -> None:
        """Deal with one outcome of a call."""
        self._doers[message.call.op].answer(message)

    def ended(self, message: Ended) -> None:
        """Deal with the end of a call, a list's included."""
        call = message.call
        call.lane.active -= 1
        if call.op is Op.LIST:
            self._run.bug = self._run.bug or message.bug
            self._watch.ended(call.lane, message.error)
        else:
            self._doers[call.op].ended(message)

    def _send(self, call: Call) -> None:
        if not call.announced:
            self._doers[call.op].announce(call)
            call.announced = True
        call.lane.reserve()
        call.started = self._run.now
        self._run.calls.append(call)

    def _form(self, lane: Lane) -> Call | None:
        group = next(iter(lane.groups))
        tasks = lane.groups[group]
        doer = self._doers[OPS[tasks[0].phase]]
        taken: list[Task] = [tasks.popleft() for _ in range(min(len(tasks), doer.limit(lane)))]
        if not tasks:
            del lane.groups[group]
        return doer.form(lane, taken)


def _creates_next(lane: Lane) -> bool:
    return next((tasks[0].phase is Phase.CREATE for tasks in lane.groups.values()), False)
