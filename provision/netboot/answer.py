"""An HTTP answer whose bytes are put together once, however often they are sent."""

from __future__ import annotations

from http import HTTPStatus

TEXT = "text/plain; charset=utf-8"
IGNITION = "application/vnd.coreos.ignition+json"
"""https://www.iana.org/assignments/media-types/application/vnd.coreos.ignition+json"""


class Answer:
    """A status, a content type and a body. What is answered here is about one machine at one moment: never cached."""

    __slots__ = ("body", "headers", "status", "wire")

    def __init__(self, body: bytes | str, status: int = 200, kind: str = TEXT) -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = {"content-type": kind, "content-length": str(len(self.body)), "cache-control": "no-store"}
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{k.title()}: {v}" for k, v in self.headers.items()),
        ]
        self.wire = "".join(f"{line}\r\n" for line in lines).encode()
        """The head but for its last lines: the date, and the empty one."""
