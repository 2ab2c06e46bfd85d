"""Group commit: requests that arrive together share one sync of the disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from provision.etcd.discovery.faults import Fault

if TYPE_CHECKING:
    from provision.etcd.discovery.registry import Written
    from provision.etcd.discovery.store import Operation, Store


class Committer:
    """Collects operations for one turn of the event loop, then commits them as one batch.

    The commit blocks the loop on purpose: between a decision and its sync, no reader may see what a crash would undo.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch: list[tuple[Operation, asyncio.Future[Written | None]]] = []

    async def commit(self, operation: Operation) -> Written | None:
        """Run one operation durably.

        Raises:
            Fault: the operation was refused, or the disk was.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Written | None] = loop.create_future()
        self._batch.append((operation, done))
        if len(self._batch) == 1:
            loop.call_soon(self._commit)
        return await done

    def _commit(self) -> None:
        batch, self._batch = self._batch, []
        results = self._store.commit([operation for operation, _ in batch])
        for (_, done), result in zip(batch, results, strict=True):
            if done.done():
                continue  # the client hung up and its task was cancelled
            if isinstance(result, Fault):
                done.set_exception(result)
            else:
                done.set_result(result)
