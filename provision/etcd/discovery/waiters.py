"""Long polls: who waits for which token, bounded in number, woken by a write, ended by time, hang-up or shutdown."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.etcd.discovery import faults
from provision.etcd.discovery.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator


class Waiters:
    """The futures of all long polls, by token. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self._by_token: dict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    @contextmanager
    def waiting(self, token: str) -> Iterator[asyncio.Future[None]]:
        """Count a waiter in for the length of the context and hand it a future that the next write resolves.

        Raises:
            Fault: 300, too many wait already (etcd's client backs off and asks again).
        """
        if self.count >= self.most or self._closed:
            raise Fault(faults.INTERNAL, f"{self.count} clients wait already")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count += 1
        self._by_token[token].add(future)
        try:
            yield future
        finally:
            self.count -= 1
            self._by_token[token].discard(future)
            if not self._by_token[token]:
                del self._by_token[token]

    def wake(self, token: str) -> None:
        """Resolve the futures of all who wait for a token."""
        for future in self._by_token.get(token, ()):
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """Wake everybody for good: the service stops."""
        self._closed = True
        for token in list(self._by_token):
            self.wake(token)
