"""The strict GCE as a process of its own: prints its port, serves until its standard input ends.

Whatever becomes of a provision that talks to it, its state stays. The control side answers under /strict/.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.emulated.gce import discovery, handlers
from tests.emulated.gce.discovery import Call, Refusal
from tests.emulated.gce.faults import Faults
from tests.emulated.gce.world import World


class Strict:
    """The world behind one lock, its faults, and a log of all calls."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.forget()

    def forget(self) -> None:
        self.world, self.faults = World(), Faults()
        self.calls: list[dict[str, Any]] = []
        self.under_way = 0

    def serve(self, verb: str, url: str, body: bytes, connection: Any) -> tuple[int, bytes]:
        parts = urlsplit(url)
        entry = {"action": f"{verb} {parts.path}", "code": "", "began": time.monotonic()}
        with self.lock:
            self.under_way += 1
            self.calls.append(entry)
            entry["at_once"] = self.under_way
        try:
            query = parse_qsl(parts.query, keep_blank_values=True)
            call = discovery.read(verb, unquote(parts.path), query, body)
            entry["action"] = call.id
            return self._answer(call, connection)
        except Refusal as refusal:
            entry["code"] = refusal.reason
            return refusal.status, refusal.body()
        except ConnectionError:
            entry["code"] = "(connection reset)"
            raise
        finally:
            with self.lock:
                self.under_way -= 1

    def _answer(self, call: Call, connection: Any) -> tuple[int, bytes]:
        before, after = self.faults.draw(call)
        before.strike(connection)
        if call.id.endswith("Operations.wait") and not before.busy:
            self._wait(call["operation"])
        with self.lock:
            self.world.settle()
            answer = json.dumps(handlers.answer(self.world, call, before.code))
        for fault in discovery.faults(json.loads(answer), call.method["response"], "answer"):
            raise AssertionError(f"the strict GCE breaks its own word in {call.id}: {fault}")
        after.strike(connection)
        return 200, answer.encode()

    def _wait(self, name: str) -> None:
        """Hold the answer back until the operation has ended, for two minutes at most."""
        with self.lock:
            pending = self.world.operations.get(name)
        if pending is not None:
            time.sleep(max(0.0, min(120.0, pending.due - time.monotonic())))

    def control(self, what: str, given: Any) -> Any:
        """Do what a test asks for, past the API."""
        with self.lock:
            self.world.settle()
            return getattr(self, f"do_{what}")(given)

    def do_reset(self, _: Any) -> None:
        self.forget()

    def do_faults(self, given: Any) -> None:
        self.faults = Faults(given["faults"], given.get("seed", 0))

    def do_baseline(self, _: Any) -> None:
        self.calls = []

    def do_tomorrow(self, _: Any) -> None:
        """GCE forgets request ids after a while."""
        self.world.requests = {}

    def do_set(self, given: Any) -> None:
        for name, value in given.items():
            setattr(self.world, name, set(value) if name == "denied" else value)

    def do_edit(self, given: Any) -> None:
        """Alter a thing by another hand."""
        self.world.get(given["kind"], given["place"], given["name"]).update(given["fields"])

    def do_add(self, given: Any) -> None:
        self.world.add(given["kind"], given["place"], given["item"])

    def do_calls(self, _: Any) -> Any:
        return self.calls

    def do_under_way(self, _: Any) -> Any:
        return sum(pending.answer.get("status") != "DONE" for pending in self.world.operations.values())

    def do_ever(self, _: Any) -> Any:
        return self.world.ever

    def do_world(self, _: Any) -> Any:
        return self.world.census()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    strict: Strict

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.path.startswith("/strict/"):
                given = json.loads(body) if body else None
                answer = json.dumps(self.strict.control(self.path.removeprefix("/strict/"), given)).encode()
                self._reply(200, answer)
            else:
                self._reply(*self.strict.serve(self.command, self.path, body, self.connection))
        except ConnectionError:
            self.close_connection = True

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _any  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    Handler.strict = Strict()
    discovery.routes()
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
