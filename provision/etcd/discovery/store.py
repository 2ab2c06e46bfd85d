"""The registry with its log: a batch of operations is decided, written and synced as one, or not at all."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from provision.errors import ProvisionError
from provision.etcd.discovery import faults
from provision.etcd.discovery.faults import Fault
from provision.etcd.discovery.limits import Limits
from provision.etcd.discovery.log import Log
from provision.etcd.discovery.registry import Record, Registry, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    Operation: TypeAlias = Callable[[Registry], Written | None]
    Result: TypeAlias = Written | Fault | None

COMPACT_AFTER = 4096
"""Records beyond those that a snapshot would need, before the log is rewritten."""


class Store:
    """The durable registry. Not thread-safe: one event loop owns it."""

    def __init__(
        self, directory: Path, limits: Limits | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Open the directory and replay its log.

        Raises:
            StateError: the directory cannot be used, is in use, or its log is damaged.
        """
        self.limits = limits or Limits()
        self.clock = clock
        self.commits = 0
        self._pending: list[Record] = []
        self._records = 0
        self._log = Log(directory)
        try:
            self._replay()
        except ProvisionError:
            self._log.close()
            raise

    def close(self) -> None:
        """Close the log; what was acknowledged is on the disk already."""
        self._log.close()

    def new(self, size: int) -> str:
        """Make a token of 128 random bits and return it.

        Raises:
            Fault: 209 for a size outside 1 to 9; 300 when there are too many tokens.
        """
        token = self.name_token()
        one(self.commit([self.making(token, size)]))
        return token

    def name_token(self) -> str:
        """Return a name that nobody can guess; it is a token only once it is made."""
        return secrets.token_hex(16)

    def making(self, token: str, size: int) -> Operation:
        """Return the operation that makes a token, having dropped stale ones when there is no room."""

        def operation(registry: Registry) -> Written | None:
            for record in registry.stale(self.clock()):
                self._apply(record)
            return self._apply(registry.creating(token, size, self.clock()))

        return operation

    def putting(self, token: str, name: str, value: str, prev_exist: bool | None) -> Operation:
        """Return the operation that registers a member."""
        return lambda registry: self._apply(registry.writing(token, name, value, prev_exist))

    def deleting(self, token: str, name: str) -> Operation:
        """Return the operation that clears a member."""
        return lambda registry: self._apply(registry.clearing(token, name))

    def retiring(self, token: str) -> Operation:
        """Return the operation that drops a token."""
        return lambda registry: self._apply(registry.retiring(token))

    def commit(self, operations: Sequence[Operation]) -> list[Result]:
        """Run operations in order and sync once; each gives its result or its own fault.

        When the disk refuses, the registry returns to what the disk holds and every operation gets fault 300.
        """
        results = [self._attempt(operation) for operation in operations]
        records, self._pending = self._pending, []
        if not records:
            return results
        try:
            self._log.append(records)
        except OSError as error:
            self._replay()
            return [Fault(faults.INTERNAL, f"the registry cannot be written: {error.strerror}")] * len(operations)
        self.commits += 1
        self._records += len(records)
        self._compact()
        return results

    def _attempt(self, operation: Operation) -> Result:
        try:
            return operation(self.registry)
        except Fault as fault:
            return fault

    def _apply(self, record: Record) -> Written | None:
        written = self.registry.apply(record)
        self._pending.append(record)
        return written

    def _replay(self) -> None:
        self.registry = Registry(self.limits)
        self._pending = []
        records = self._log.replay()
        for record in records:
            self.registry.apply(record)
        self._records = len(records)

    def _compact(self) -> None:
        if self._records <= len(self.registry.tokens) + COMPACT_AFTER:
            return
        snapshot = list(self.registry.snapshot())
        try:
            self._log.rewrite(snapshot)
        except OSError:
            return  # the long log is as good as before; the next commit tries again
        self._records = len(snapshot)


def one(results: Sequence[Result]) -> Written | None:
    """Return a single operation's result.

    Raises:
        Fault: it is a fault.
    """
    (result,) = results
    if isinstance(result, Fault):
        raise result
    return result
