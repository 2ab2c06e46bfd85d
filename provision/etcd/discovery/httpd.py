"""uvicorn, with the bounds that it lacks: connections that send no request are closed, and so are those above a count.

uvicorn times idle connections only after their first response, so a client that connects and sends a byte a minute
would hold a descriptor for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import ASGIApp

    from provision.etcd.discovery.limits import Limits

GRACE_SECONDS = 2
KEEP_ALIVE_SECONDS = 30


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 on one connection: a request's head must be complete in time, and there are only so many connections."""

    limits: Limits
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock, or refuse one connection too many by closing it."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what came; the clock stops with a complete head and runs while one is half there."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop()
        elif self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.limits.request, self.transport.abort)

    def _stop(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


class Server(uvicorn.Server):
    """A uvicorn server with these bounds; `closing` lets long polls go before it waits for connections to end."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        certificate: Path | None,
        key: Path | None,
        *,
        closing: Callable[[], None],
        protocol: type[BoundedProtocol] = BoundedProtocol,
    ) -> None:
        self._closing = closing
        protocol = type("Protocol", (protocol,), {"limits": limits})
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",  # an invalid request is the client's affair, not news
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
                h11_max_incomplete_event_size=limits.headers,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the long polls, then stop as uvicorn does."""
        self._closing()
        await super().shutdown(sockets)
