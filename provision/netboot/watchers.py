"""Who watches the machines live: every change of a state goes to each of them, and to whoever runs the service."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.model import Json

MOST = 32
BEHIND = 1024
"""Events that a watcher may be behind; then it loses its connection, and begins with the whole picture again."""


class Watchers:
    """The watchers' queues. Belongs to one event loop."""

    def __init__(self, listener: Callable[[Json], None] = lambda _: None) -> None:
        self._listener = listener
        self._queues: set[asyncio.Queue[Json | None]] = set()

    @property
    def full(self) -> bool:
        """Whether nobody more may watch."""
        return len(self._queues) >= MOST

    def tell(self, event: Json) -> None:
        """Hand an event to everybody."""
        self._listener(event)
        for queue in list(self._queues):
            late = queue.qsize() >= BEHIND
            if late:
                self._queues.discard(queue)
            queue.put_nowait(None if late else event)

    @contextmanager
    def watching(self) -> Iterator[asyncio.Queue[Json | None]]:
        """Yield a queue of events; None ends it."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """Let everybody go: the service stops."""
        for queue in self._queues:
            queue.put_nowait(None)
