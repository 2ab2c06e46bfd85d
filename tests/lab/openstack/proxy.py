"""A proxy that loses answers: a request goes through, its effect takes place, and the connection is cut."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "host"))


class Dropping:
    """Stands in front of one service; `lose` says which answers are lost, `lost` how many were."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.drops: list[tuple[str, str]] = []
        self.lost = 0
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @contextmanager
    def lose(self, *drops: tuple[str, str], times: int = 1_000_000) -> Iterator[None]:
        """Lose the answers of these methods to paths that end so, so many of them."""
        self.drops, self.lost, self.times = list(drops), 0, times
        yield
        self.drops = []

    def loses(self, method: str, path: str) -> bool:
        hit = any(method == m and path.partition("?")[0].endswith(end) for m, end in self.drops)
        if hit and self.lost < self.times:
            self.lost += 1
            return True
        return False

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Dropping

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        onward = http.client.HTTPConnection("127.0.0.1", self.proxy.target, timeout=120)
        try:
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            data = answer.read()
        finally:
            onward.close()
        if self.proxy.loses(self.command, self.path):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in HOP:
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.answer)
