"""What creating, deleting and changing have in common: forming calls, and what to do when one fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from provision.apply.events import What
from provision.apply.retry import may_retry
from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from provision.apply.board import Task
    from provision.apply.lane import Answer, Call, Ended, Lane
    from provision.apply.run import Run
    from provision.provider import Outcome

NO_ANSWER = "the provider returned no outcome for it"


class Doer(ABC):
    """One operation's side of the engine."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @abstractmethod
    def ready(self, task: Task) -> None:
        """Take on a task whose turn has come."""

    @abstractmethod
    def form(self, lane: Lane, tasks: list[Task]) -> Call | None:
        """Make a call of tasks that may share one; None when nothing is left to call for."""

    @abstractmethod
    def announce(self, call: Call) -> None:
        """Write the intent of a call that is about to be sent for the first time."""

    @abstractmethod
    def limit(self, lane: Lane) -> int:
        """Return how many tasks one call may hold."""

    @abstractmethod
    def succeeded(self, call: Call, task: Task, outcome: Outcome) -> None:
        """Deal with an outcome that has no error."""

    @abstractmethod
    def refused(self, call: Call, task: Task, error: ProviderError) -> None:
        """Deal with a definite error."""

    def answer(self, message: Answer) -> None:
        """Deal with one outcome of a call."""
        call, outcome = message.call, message.outcome
        task = call.tasks.get(outcome.name)
        if task is None:
            self.stray(call, outcome)
        elif outcome.error is not None:
            self.failed(call, task, outcome.error)
        else:
            call.lane.budget.recover()
            for note in outcome.notes:
                self.run.emit(What.SAID, task.key, note)
            self.settle(call, task)
            self.succeeded(call, task, outcome)

    def stray(self, call: Call, outcome: Outcome) -> None:  # noqa: B027 - most have nothing to do here
        """Deal with an outcome that no task waits for."""

    def ended(self, message: Ended) -> None:
        """Deal with the end of a call: what has no outcome shares the call's error, or is in doubt."""
        call, run = message.call, self.run
        if message.bug is not None:
            run.bug = run.bug or message.bug
            run.stopping = run.stopping or "a provider broke its contract"
        unanswered = [n for n in call.tasks if n not in call.errors]
        if unanswered:
            error = message.error or _in_doubt(message.bug)
            call.whole = message.error is not None
            for name in unanswered:
                self.failed(call, call.tasks[name], error)
        if call.tasks:
            self._once_more(call)

    def failed(self, call: Call, task: Task, error: ProviderError) -> None:
        """Deal with a failure: keep the task in the call for another try, or end it."""
        if error.kind is Kind.THROTTLED:
            call.lane.budget.slow(self.run.now)
        if self.keep(call, error):
            call.errors[task.target.name if task.target else task.key.name] = error
        else:
            self.settle(call, task)
            self.refused(call, task, error)

    def keep(self, call: Call, error: ProviderError) -> bool:  # noqa: ARG002 - overridden
        """Whether a failed task stays in its call, to be tried again."""
        return may_retry(error)

    def settle(self, call: Call, task: Task) -> None:
        """Take a task out of its call."""
        name = task.target.name if task.target else task.key.name
        call.tasks.pop(name, None)
        call.errors.pop(name, None)

    def _once_more(self, call: Call) -> None:
        run = self.run
        call.first_failure = run.now if call.first_failure is None else call.first_failure
        if run.stopping or run.now - call.first_failure > run.pace.patience:
            self.give_up(call)
            return
        call.attempts += 1
        delay = run.pace.delay(call.attempts)
        for name, task in call.tasks.items():
            run.emit(What.RETRYING, task.key, str(call.errors[name]), seconds=delay)
        self.again(call, delay)

    def again(self, call: Call, delay: float) -> None:
        """Try a call again after some seconds."""

        def queue() -> None:
            call.errors.clear()
            call.lane.again.append(call)

        self.run.later(delay, queue)

    def give_up(self, call: Call) -> None:
        """End the tasks of a call that is not tried again."""
        for name, task in list(call.tasks.items()):
            error = call.errors[name]
            self.settle(call, task)
            self.refused(call, task, error)


def _in_doubt(bug: Exception | None) -> ProviderError:
    return ProviderError(f"the plugin failed: {bug!r}" if bug else NO_ANSWER, kind=Kind.AMBIGUOUS)
