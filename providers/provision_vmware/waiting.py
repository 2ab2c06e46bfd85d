"""Waiting for tasks: one PropertyCollector with one filter over all that are awaited, whoever awaits them.

Threads hand in their tasks. One of them, whichever has nothing to do, asks the server what has changed, and the server
answers when something has: ten clones cost six calls, where polling each costs ninety. When tasks are handed in while a
question is open, it is cancelled, and the next filter has the new ones too.
"""

from __future__ import annotations

from threading import Condition
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_vmware import errors, sdk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision_vmware.sdk import Managed, Session

LONGEST = 20
"""Seconds that the server may keep a question open; shorter than `sdk.TIMEOUT`."""

ENDED = ("success", "error")
Result = Any
"""What a task has made, or None."""


class Waiting:
    """The tasks of one session that somebody waits for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn = Condition()
        self._open: dict[str, tuple[str, Managed]] = {}  # operation and task, by the task's id
        self._ended: dict[str, Result | ProviderError] = {}
        self._asking = False
        self._stale = False  # the filter does not have all open tasks
        self._collector: Managed = None
        self._filter: Managed = None
        self._version = ""

    def results(self, operation: str, tasks: Sequence[Managed]) -> list[Result | ProviderError]:
        """Wait until all tasks have ended; return what each has made, or how it failed.

        Raises:
            ProviderError: the server cannot be asked; what becomes of the tasks is not known.
        """
        numbers = [task._moId for task in tasks]
        self._add(operation, dict(zip(numbers, tasks, strict=True)))
        try:
            while not self._all(numbers):
                self._ask_or_wait(operation)
        except ProviderError as error:
            raise errors.unanswered(operation, error.message) from error
        finally:
            with self._turn:
                for number in numbers:
                    self._open.pop(number, None)
        with self._turn:
            return [self._ended.pop(number) for number in numbers]

    def _add(self, operation: str, tasks: dict[str, Managed]) -> None:
        with self._turn:
            self._open |= {number: (operation, task) for number, task in tasks.items()}
            self._stale = True
            collector = self._collector if self._asking else None
        if collector is not None:
            # It may come too early or too late; then the open question ends by itself, later.
            self._session.call(collector, "CancelWaitForUpdates")

    def _all(self, numbers: list[str]) -> bool:
        with self._turn:
            return all(number in self._ended for number in numbers)

    def _ask_or_wait(self, operation: str) -> None:
        with self._turn:
            if self._asking:
                self._turn.wait(timeout=1.0)
                return
            self._asking = True
        try:
            self._ask(operation)
        finally:
            with self._turn:
                self._asking = False
                self._turn.notify_all()

    def _ask(self, operation: str) -> None:
        """Ask once what has changed; a collector that went with its session is made anew."""
        try:
            self._refilter()
            wait = sdk.collector_types().WaitOptions(maxWaitSeconds=LONGEST)
            updates = self._session.call(self._collector, "WaitForUpdatesEx", version=self._version, options=wait)
        except ProviderError as error:
            if error.code == "RequestCanceled":
                return
            if error.kind is not Kind.NOT_FOUND:
                raise
            self._forget()
            return
        if updates is None:
            return
        self._version = updates.version
        with self._turn:
            for found in (o for f in updates.filterSet for o in f.objectSet):
                self._note(operation, found)

    def _refilter(self) -> None:
        """Give the server a filter over all open tasks, in place of the last one."""
        with self._turn:
            if not self._stale:
                return
            self._stale = False
            tasks = [task for _, task in self._open.values()]
        if self._collector is None:
            self._collector = self._session.call(self._session.content.propertyCollector, "CreatePropertyCollector")
        if self._filter is not None:
            self._session.call(self._filter, "DestroyPropertyFilter")
            self._filter = None
        of = sdk.collector_types()
        spec = of.FilterSpec(
            objectSet=[of.ObjectSpec(obj=task) for task in tasks],
            propSet=[of.PropertySpec(type=sdk.types().Task, pathSet=["info.state", "info.error", "info.result"])],
        )
        self._filter = self._session.call(self._collector, "CreateFilter", spec=spec, partialUpdates=True)
        self._version = ""

    def _forget(self) -> None:
        with self._turn:
            self._collector = self._filter = None
            self._version = ""
            self._stale = True
            # A task that the server no longer knows would be refused in every filter: each is asked for alone.
            tasks = list(self._open.items())
        for number, (operation, task) in tasks:
            try:
                self._probe(task)
            except ProviderError as error:
                if error.kind is Kind.NOT_FOUND:
                    with self._turn:
                        self._ended[number] = errors.lost_task(operation)
                        self._open.pop(number, None)

    def _probe(self, task: Managed) -> None:
        of = sdk.collector_types()
        spec = of.FilterSpec(
            objectSet=[of.ObjectSpec(obj=task)],
            propSet=[of.PropertySpec(type=sdk.types().Task, pathSet=["info.state"])],
        )
        options = of.RetrieveOptions()
        content = self._session.content.propertyCollector
        self._session.call(content, "RetrievePropertiesEx", specSet=[spec], options=options)

    def _note(self, operation: str, found: Managed) -> None:
        number = found.obj._moId
        name = self._open[number][0] if number in self._open else operation
        if found.kind == "leave":
            self._ended[number] = errors.lost_task(name)
            return
        said = {change.name: change.val for change in found.changeSet}
        if number in self._open and said.get("info.state") in ENDED:
            fault = said.get("info.error")
            self._ended[number] = sdk.faulted(name, fault) if fault is not None else said.get("info.result")
