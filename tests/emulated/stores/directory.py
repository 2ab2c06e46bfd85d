"""A directory behind HTTP: everybody may read a file whose name it knows; to write, and to read indexes, log in."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.emulated.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

BASIC = "Basic " + base64.b64encode(b"ada:sesame").decode()


@dataclass
class Directory:
    """What lies there. `careless` leaves indexes open to everybody; `broken` answers 503 to so many calls."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    careless: bool = False
    broken: int = 0
    log: list[str] = field(default_factory=list)
    before_put: list[tuple[str, bytes]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Directory]:  # noqa: C901
    there = Directory()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index = self.path.rpartition("/")[2].startswith("provision-")
            if index and not there.careless and not self.known():
                self.answer(401)
            elif self.path in there.files:
                self.answer(200, there.files[self.path], etag=True)
            else:
                self.answer(404)

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if there.before_put:
                path, other = there.before_put.pop()
                there.files[path] = other
            expected = self.headers.get("If-Match")
            if not self.known():
                self.answer(401)
            elif expected and expected != tag(there.files.get(self.path, b"")):
                self.answer(412)
            else:
                there.files[self.path] = data
                self.answer(201)

        def do_DELETE(self) -> None:
            if not self.known():
                self.answer(401)
            else:
                self.answer(204 if there.files.pop(self.path, None) is not None else 404)

        def known(self) -> bool:
            return self.headers.get("Authorization") in (BASIC, "Bearer sesame")

        def answer(self, status: int, data: bytes = b"", *, etag: bool = False) -> None:
            if there.broken:
                there.broken -= 1
                status, data = 503, b""
            there.log.append(f"{self.command} {status}")
            self.send_response(status)
            if etag:
                self.send_header("ETag", tag(data))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with served(Handler) as url:
        there.url = f"{url}/boot"
        yield there


def tag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
