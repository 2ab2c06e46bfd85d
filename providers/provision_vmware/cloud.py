"""One server as a run of provision uses it: the session, who waits on it, and where things lie."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from provision.errors import ProviderError
from provision_vmware import sdk
from provision_vmware.places import Places
from provision_vmware.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.provider import Context
    from provision_vmware.sdk import Managed, Session
    from provision_vmware.settings import Settings

Ended = Any
"""What a task has made, or the ProviderError that it failed with."""


class Cloud:
    """What all parts of the provider share. Threads may use it together."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.rules = Lock()
        """Held by who changes rules: a rule is read, then written whole."""
        self.promised: dict[str, int] = {}
        """Bytes that this run has put on each member of a datastore cluster."""
        self.drs: dict[str, bool] = {}
        """Whether DRS chooses hosts, by compute cluster."""
        self._lock = Lock()
        self._session: Session | None = None
        self._waiting: Waiting | None = None
        self._places: Places | None = None

    @property
    def session(self) -> Session:
        """The session; nothing is sent before it is used."""
        with self._lock:
            if self._session is None:
                self._session = sdk.session(self.settings, self.context.spec_dir)
            return self._session

    @property
    def places(self) -> Places:
        """The inventory."""
        session = self.session
        with self._lock:
            if self._places is None:
                self._places = Places(session, self.settings)
            return self._places

    @property
    def waiting(self) -> Waiting:
        """Who waits for tasks."""
        session = self.session
        with self._lock:
            if self._waiting is None:
                self._waiting = Waiting(session)
            return self._waiting

    def machine(self, number: str) -> Managed:
        """Return the machine of an id."""
        return self.session.object("VirtualMachine", number)

    def all(self, operation: str, calls: Mapping[str, tuple[Managed, Mapping[str, Any]]]) -> dict[str, Ended]:
        """Start a task for each call, and wait for all of them together.

        Args:
            operation: the method.
            calls: the managed object and the parameters of each, by a name that the answer has again.
        """
        ended: dict[str, Ended] = {}
        tasks: dict[str, Managed] = {}
        for name, (subject, params) in calls.items():
            try:
                tasks[name] = self.session.call(subject, operation, **params)
            except ProviderError as error:
                ended[name] = error
        if tasks:
            try:
                results = self.waiting.results(operation, list(tasks.values()))
            except ProviderError as error:
                results = [error] * len(tasks)
            ended |= dict(zip(tasks, results, strict=True))
        return ended

    def one(self, operation: str, subject: Managed, **params: Any) -> Any:  # noqa: ANN401
        """Start one task, and return what it has made.

        Raises:
            ProviderError: it failed.
        """
        found = self.all(operation, {"": (subject, params)})[""]
        if isinstance(found, ProviderError):
            raise found
        return found
