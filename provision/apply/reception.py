"""What machines of this run reach on the operator's computer: discovery, the phone-home route, stored bodies."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from provision.apply import bodies_served
from provision.apply.key_desk import serving as handing
from provision.errors import ProvisionError
from provision.etcd.discovery.server import serving
from provision.firstboot.report import MAX_BODY, Report, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from provision.apply.key_desk import KeyDesk
    from provision.etcd.tls import Tls
    from provision.spec.model import Reception as Asked
    from provision.state.store import Store

_T = TypeVar("_T")

PORT = "reception.json"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reception:
    """A running reception: its port, the nonces that it answers to, the reports by nonce, and the key desk's port."""

    port: int
    expected: set[str]
    reports: dict[str, Report] = field(default_factory=dict)
    key_port: int = 0

    def url(self, host: str) -> str:
        """Return its base URL as machines see it that know this computer as `host`."""
        return f"http://{host}:{self.port}"

    def key_url(self, host: str, nonce: str) -> str:
        """Return where a voter fetches its key."""
        return f"https://{host}:{self.key_port}/etcd-key/{nonce}"


@contextmanager
def reception(
    store: Store,
    directory: Path,
    expected: set[str],
    *,
    asked: Asked | None = None,
    desk: KeyDesk | None = None,
    tls: Tls | None = None,
) -> Iterator[Reception]:
    """Serve for the length of the context, on the ports that the spec asks for or the cluster's earlier runs had.

    Machines that an interrupted run started still ask these ports, so they are kept for as long as the state is.

    Args:
        store: the cluster's.
        directory: where the discovery registry lies.
        expected: the nonces of machines that may report.
        asked: the spec's section; without it the loopback is served, where local machines reach it.
        desk: hands out keys, with the files of `tls`; None where none are fetched.
        tls: this computer's certificate, which machines can check.

    Raises:
        ProvisionError: the port is taken by now, or starlette and uvicorn are not installed.
        StateError: the registry cannot be used.
    """
    reports: dict[str, Report] = {}
    routes = [_route(expected, reports), _bodies()]
    blob = store.get(PORT)
    kept = json.loads(blob.data) if blob else {}
    ports = {"port": asked.port, "keys": asked.port + 1} if asked else {"port": 0, "keys": 0, **kept}
    listen = asked.listen if asked else "127.0.0.1"
    with ExitStack() as stack:
        url = stack.enter_context(
            _opened(serving(directory, listen, ports["port"], extra_routes=routes), ports["port"])
        )
        found = {"port": int(url.rpartition(":")[2]), "keys": ports["keys"]}
        if desk and tls:
            found["keys"] = stack.enter_context(_opened(handing(desk, listen, ports["keys"], tls), ports["keys"]))
        if found != kept:
            store.put(PORT, json.dumps(found).encode())
        yield Reception(found["port"], expected, reports, found["keys"])


@contextmanager
def _opened(server: AbstractContextManager[_T], port: int) -> Iterator[_T]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(server)
        except ProvisionError as error:
            if port and "cannot listen" in error.message:  # elsewhere, the machines that boot would not find us
                error.hint = "end the program that has taken this port, or take the cluster down and up again"
            raise
        yield found


def _route(expected: set[str], reports: dict[str, Report]) -> BaseRoute:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def phone_home(request: Request) -> Response:
        nonce = request.path_params["nonce"]
        if nonce not in expected:
            return PlainTextResponse("unknown\n", 404)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return PlainTextResponse("too long\n", 413)
        found = parse(body)
        if found is None or found[0] != nonce:
            return PlainTextResponse("not a phone-home report\n", 400)
        reports[nonce] = found[1]
        return PlainTextResponse("thank you\n")

    return Route("/phone-home/{nonce}", phone_home, methods=["POST"])


def _bodies() -> BaseRoute:
    """Serve the bodies that this computer keeps, by names that nobody can guess."""
    from starlette.responses import FileResponse, PlainTextResponse
    from starlette.routing import Route

    async def body(request: Request) -> Response:
        name = request.path_params["sha256"]
        path = bodies_served.folder() / name
        # Never an empty answer: Ignition would take it for an empty config.
        if not SHA256.fullmatch(name) or not path.is_file():
            return PlainTextResponse("unknown\n", 404)
        return FileResponse(path, media_type="application/vnd.coreos.ignition+json")

    return Route("/bodies/{sha256}", body, methods=["GET"])
