"""The strict OpenStack as a process of its own: prints its port, serves until its standard input ends."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.emulated.openstack import http
from tests.emulated.openstack.strict import Reset, Strict


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the strict OpenStack."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    strict: Strict

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):  # whoever asked is gone, killed perhaps
            self.close_connection = True

    def answer(self) -> None:
        request = http.read(self)
        try:
            answer = self.strict.handle(request)
        except Reset:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        http.write(self, answer)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
    setattr(Handler, f"do_{_method}", Handler.answer)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    server = Server(("127.0.0.1", 0), Handler)
    Handler.strict = Strict(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
