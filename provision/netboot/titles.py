"""Header names in the case that everybody writes them in: GRUB's HTTP client knows no other.

(RFC 9110 section 5.1 has names without case; GRUB 2.06 looks for ``Content-Length`` and waits for the connection's end
without it.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def titled(app: ASGIApp) -> ASGIApp:
    """Return an ASGI app whose responses have such names."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [(name.title(), value) for name, value in message["headers"]]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped
