"""The answer to a wait: headers at once, the body when there is something to tell.

etcd sends a long poll's headers early, and its client sets no time limit on them. Once they are out, the status
cannot change: a fault that comes later ends the body empty, the client asks again at once and is then told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from provision.etcd.discovery.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from provision.etcd.discovery.waiters import Waiters
    from provision.model import Json


class LongPoll:
    """An ASGI response that ends with `poll()`'s first value, or empty.

    Args:
        waiters: where to wait.
        token: what to wait for.
        poll: looks once; returns the body, or None while there is nothing.
        headers: sent at once.
        seconds: how long to wait at most.
    """

    def __init__(
        self,
        waiters: Waiters,
        token: str,
        poll: Callable[[], Json | None],
        headers: dict[str, str],
        seconds: float,
    ) -> None:
        self._waiters, self._token, self._poll, self._seconds = waiters, token, poll, seconds
        self._headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        # The first chunk is empty and flushes the headers through every middleware and proxy.
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": await self._body(receive), "more_body": False})

    async def _body(self, receive: Receive) -> bytes:
        gone = asyncio.ensure_future(_hung_up(receive))
        try:
            with contextlib.suppress(Fault, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    return await self._first(gone)
        finally:
            gone.cancel()
        return b""

    async def _first(self, gone: asyncio.Future[None]) -> bytes:
        while True:
            with self._waiters.waiting(self._token) as written:
                if (found := self._poll()) is not None:
                    return json.dumps(found).encode()
                await asyncio.wait({written, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                return b""


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
