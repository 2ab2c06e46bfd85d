"""Progress in memory, written to the disk in batches, told to whoever watches."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from provision.errors import StateError
from provision.netboot.entry import Progress, State, Stranger
from provision.netboot.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from provision.netboot.index import Known
    from provision.netboot.watchers import Watchers

BATCH_SECONDS = 0.1
STRANGERS = 4096
"""How many strangers are kept; then the one that was seen longest ago is forgotten."""


class Ledger:
    """All machines' progress. Belongs to the event loop; only the writing itself runs in another thread."""

    def __init__(self, directory: Path, watchers: Watchers, clock: Callable[[], float]) -> None:
        """Read what an earlier run of the service wrote.

        Raises:
            StateError: it cannot be read or written.
        """
        self._states = States(directory)
        self._states.write()
        self._progress = self._states.all()
        self.strangers = {s.mac: s for s in reversed(self._states.strangers())}
        self._watchers, self._clock = watchers, clock
        self._dirty: set[str] = set()
        self._seen: set[str] = set()
        self._gone: set[str] = set()
        self._wake = asyncio.Event()
        self._written = asyncio.Condition()
        self._changes = self._safe = 0
        self.failure = ""

    def of(self, known: Known) -> Progress:
        """Return a machine's progress; pending for a story of which nothing was heard."""
        found = self._progress.get(known.entry.id)
        if found is None or found.story != known.story:
            found = self._progress[known.entry.id] = Progress(known.entry.id, known.story)
        return found

    def set(self, before: Progress, after: Progress) -> None:
        """Keep a machine's progress, soon on the disk, and tell of it when more than a count changed."""
        self._progress[after.id] = after
        self._dirty.add(after.id)
        self._changed()
        if (after.state, after.failure, after.round) != (before.state, before.failure, before.round):
            self._watchers.tell({**after.to_json(), "at": self._clock()})

    def forget(self, machine: str) -> None:
        """Drop a machine whose entry is gone."""
        if self._progress.pop(machine, None) is not None:
            self._gone.add(machine)
            self._dirty.discard(machine)
            self._changed()

    def keep_only(self, machines: Container[str]) -> None:
        """Drop all machines but these: entries that went while no service ran."""
        for machine in [m for m in self._progress if m not in machines]:
            self.forget(machine)

    def stranger(self, mac: str, uuid: str, serial: str, architecture: str, client: str) -> None:
        """Keep that a machine asked which no entry names."""
        now = self._clock()
        before = self.strangers.pop(mac, None)
        seen = before or Stranger(mac, uuid, serial, architecture, client, now)
        self.strangers[mac] = replace(seen, client=client, last=now, count=seen.count + 1)
        if len(self.strangers) > STRANGERS:
            oldest = next(iter(self.strangers))
            del self.strangers[oldest]
            self._seen.add(oldest)
        self._seen.add(mac)
        self._changed()
        if before is None:
            self._watchers.tell({"state": str(State.UNKNOWN), "mac": mac, "client": client, "at": now})

    def no_stranger(self, mac: str) -> None:
        """Forget a stranger that has an entry now."""
        if self.strangers.pop(mac, None) is not None:
            self._seen.add(mac)
            self._changed()

    async def written(self) -> None:
        """Wait until all that is known now is on the disk; what is acknowledged must outlast a power cut.

        Raises:
            StateError: the disk refuses.
        """
        wanted = self._changes
        async with self._written:
            while self._safe < wanted:
                await self._written.wait()
                if self.failure:
                    raise StateError(self.failure)

    def _changed(self) -> None:
        self._changes += 1
        self._wake.set()

    async def run(self) -> None:
        """Write batches until cancelled, and a last one then."""
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(BATCH_SECONDS)
                await self._flush()
        except asyncio.CancelledError:
            self._flush_now()
            raise

    async def _flush(self) -> None:
        self._wake.clear()
        reached, batch = self._changes, self._batch()
        try:
            await asyncio.to_thread(self._write, *batch)
            self.failure, self._safe = "", reached
        except StateError as error:
            self._again(batch)
            self.failure = error.message
        async with self._written:
            self._written.notify_all()

    def _flush_now(self) -> None:
        try:
            self._write(*self._batch())
        except StateError as error:
            self.failure = error.message

    def _write(self, progress: list[Progress], seen: list[Stranger], unseen: list[str], gone: list[str]) -> None:
        self._states.write(progress, seen, gone=gone, unseen=unseen)

    def _batch(self) -> tuple[list[Progress], list[Stranger], list[str], list[str]]:
        progress = [self._progress[machine] for machine in self._dirty if machine in self._progress]
        seen = [self.strangers[mac] for mac in self._seen if mac in self.strangers]
        unseen = [mac for mac in self._seen if mac not in self.strangers]
        gone = list(self._gone)
        for pending in (self._dirty, self._seen, self._gone):
            pending.clear()
        return progress, seen, unseen, gone

    def _again(self, batch: tuple[list[Progress], list[Stranger], list[str], list[str]]) -> None:
        progress, seen, unseen, gone = batch
        self._dirty |= {p.id for p in progress}
        self._seen |= {s.mac for s in seen} | set(unseen)
        self._gone |= set(gone)
        self._wake.set()
