"""Looking at the store: every half second, and when something is asked for that is not known."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from provision.netboot.index import POLL_SECONDS

if TYPE_CHECKING:
    from provision.netboot.service import BootService


class Refresher:
    """Keeps the service's index what the store says. Reading is done in another thread, taking over on the loop."""

    def __init__(self, service: BootService) -> None:
        self._service = service
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Read what changed, if anything did; one `stat` if nothing."""
        async with self._lock:
            if self._service.index.changed():
                self._service.take(await asyncio.to_thread(self._service.index.scan))

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            with suppress(OSError):  # a full table of files, a disk that is away: looked at again at once
                await self.refresh()
                self._service.poll()
