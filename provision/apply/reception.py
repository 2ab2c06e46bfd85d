"""What machines of this run reach on the operator's computer: discovery, the phone-home route, stored bodies."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.apply import bodies_served
from provision.errors import ProvisionError
from provision.firstboot.report import MAX_BODY, Report, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from provision.state.store import Store

PORT = "reception.json"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reception:
    """A running reception: its port on the loopback, the nonces that it answers to, and the reports by nonce."""

    port: int
    expected: set[str]
    reports: dict[str, Report] = field(default_factory=dict)

    def url(self, host: str) -> str:
        """Return its base URL as machines see it that know this computer as `host`."""
        return f"http://{host}:{self.port}"


@contextmanager
def reception(store: Store, directory: Path, expected: set[str]) -> Iterator[Reception]:
    """Serve for the length of the context, on the port that the cluster's earlier runs had.

    Machines that an interrupted run started still ask that port, so it is kept for as long as the state is.

    Raises:
        ProvisionError: the port is taken by now, or starlette and uvicorn are not installed.
        StateError: the registry cannot be used.
    """
    reports: dict[str, Report] = {}
    routes = [_route(expected, reports), _bodies()]
    blob = store.get(PORT)
    port = int(json.loads(blob.data)["port"]) if blob else 0
    with ExitStack() as stack:
        url = stack.enter_context(_serving(directory, port, routes))
        found = int(url.rpartition(":")[2])
        if found != port:
            store.put(PORT, json.dumps({"port": found}).encode())
        yield Reception(found, expected, reports)


@contextmanager
def _serving(directory: Path, port: int, routes: list[BaseRoute]) -> Iterator[str]:
    from provision.etcd.discovery.server import serving

    with ExitStack() as stack:
        try:
            url = stack.enter_context(serving(directory, port=port, extra_routes=routes))
        except ProvisionError as error:
            if port and "cannot listen" in error.message:  # elsewhere, the machines that boot would not find us
                error.hint = "end the program that has taken this port, or take the cluster down and up again"
            raise
        yield url


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
