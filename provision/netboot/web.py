"""The boot service over HTTP: which path leads to what. `provision.netboot.hot` answers first what is asked most."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from provision.errors import StateError
from provision.firstboot.report import MAX_BODY
from provision.netboot import files, metrics, scripts
from provision.netboot.answer import Answer
from provision.netboot.asking import Asking, Malformed, asking, named
from provision.netboot.cache import FOLDER
from provision.netboot.scripts import Firmware
from provision.netboot.service import NO_CONFIG, as_line
from provision.netboot.store import BODIES
from provision.netboot.titles import titled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from provision.netboot.refresh import Refresher
    from provision.netboot.service import BootService
    from provision.netboot.watchers import Watchers

BODY_SECONDS = 10.0
PXELINUX = "01-"
GRUB = "grub.cfg-01-"


class Web:
    """The handlers. Everything runs on one event loop."""

    def __init__(self, service: BootService, refresher: Refresher, watchers: Watchers, loaders: Path | None) -> None:
        self._service, self._refresher, self._watchers, self._loaders = service, refresher, watchers, loaders

    def app(self, discovery: ASGIApp) -> ASGIApp:
        """Return the service, with the discovery service below ``/discovery``."""
        routes = [
            Route("/boot.ipxe", self.first),
            Route("/ipxe", self.ipxe),
            Route("/pxelinux.cfg/{name}", self.pxelinux),
            Route("/pxelinux/pxelinux.cfg/{name}", self.pxelinux),
            Route("/pxelinux/{name}", self.loader),
            Route("/grub", self.grub),
            Route("/grub/{name}", self.grub_file),
            Route("/loaders/{name}", self.loader),
            Route("/artefacts/{sha256}/{name}", self.artefact),
            Route("/ignition/{nonce}", self.ignition),
            Route("/installed/{nonce}", self.installed, methods=["POST"]),
            Route("/phone-home/{nonce}", self.phone_home, methods=["POST"]),
            Route("/bodies/{hash}", self.body),
            Route("/metadata", self.metadata),
            Route("/states", self.states),
            Route("/healthz", self.health),
            Route("/metrics", self.metrics),
            Mount("/discovery", discovery),
        ]
        return titled(Starlette(routes=routes))

    async def first(self, _request: Request) -> Response:
        """Send an iPXE machine to its own script."""
        return _response(Answer(scripts.first(self._service.urls.service)))

    async def ipxe(self, request: Request) -> Response:
        """Answer iPXE."""
        return await self._asked(request, Firmware.IPXE, lambda: asking(request.url.query))

    async def grub(self, request: Request) -> Response:
        """Answer a GRUB that says who it is in a query."""
        return await self._asked(request, Firmware.GRUB, lambda: asking(request.url.query))

    async def pxelinux(self, request: Request) -> Response:
        """Answer PXELINUX, which tries the machine's MAC address, then others; only the first names a machine."""
        return await self._named(request, Firmware.PXELINUX, PXELINUX)

    async def grub_file(self, request: Request) -> Response:
        """Answer a GRUB that looks for a config by its MAC address."""
        return await self._named(request, Firmware.GRUB, GRUB)

    async def ignition(self, request: Request) -> Response:
        """Hand out a first-boot config."""
        nonce, accept = request.path_params["nonce"], request.headers.get("accept", "")
        for _ in range(2):
            answer = self._service.config(nonce, _client(request), request.headers.get("user-agent", ""), accept)
            if answer is not None:
                return _response(answer)
            await self._refresher.refresh()
        self._service.counts["ignition", 404] += 1
        return _response(NO_CONFIG)

    async def installed(self, request: Request) -> Response:
        """Hear of an installer that is done."""
        nonce, client = request.path_params["nonce"], _client(request)
        return await self._kept(lambda: self._service.installed(nonce, client))

    async def phone_home(self, request: Request) -> Response:
        """Hear of a machine whose first boot is done."""
        nonce, client = request.path_params["nonce"], _client(request)
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too long or too slow\n", 413, {"Connection": "close"})
        return await self._kept(lambda: self._service.up(nonce, body, client))

    async def metadata(self, request: Request) -> Response:
        """Tell a machine what it is."""
        try:
            who = asking(request.url.query)
        except Malformed as error:
            return PlainTextResponse(f"{error}\n", 400)
        known = self._service.index.find(who.mac, who.uuid, who.serial)
        return _response(self._service.metadata(known) if known else NO_CONFIG)

    async def artefact(self, request: Request) -> Response:
        """Serve a kernel, an initrd or an image."""
        return files.artefact(request, self._service.cache.directory / FOLDER)

    async def loader(self, request: Request) -> Response:
        """Serve what firmware starts with, to firmware that loads by HTTP."""
        return files.loader(request, self._loaders) if self._loaders else files.missing()

    async def body(self, request: Request) -> Response:
        """Serve a payload's body."""
        return files.body(request, self._service.store.directory / BODIES)

    async def states(self, request: Request) -> Response:
        """Show all machines, or with ``?watch`` every change as it comes. To this computer only."""
        if not _here(request):
            return PlainTextResponse("only this computer may see the states\n", 403)
        if "watch" not in request.query_params:
            return JSONResponse(self._service.states())
        if self._watchers.full:
            return PlainTextResponse("too many watch already\n", 503)
        return StreamingResponse(self._watch(), media_type="application/x-ndjson")

    async def health(self, _request: Request) -> Response:
        """Say whether all is well."""
        failure = self._service.ledger.failure
        return PlainTextResponse(f"{failure}\n" if failure else "ok\n", 503 if failure else 200)

    async def metrics(self, _request: Request) -> Response:
        """Report the counts."""
        return Response(metrics.text(self._service), media_type=metrics.CONTENT_TYPE)

    async def _asked(self, request: Request, firmware: Firmware, read: Callable[[], Asking]) -> Response:
        try:
            who = read()
        except Malformed as error:
            self._service.counts["script", 400] += 1
            return PlainTextResponse(f"{error}\n", 400)
        again = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        for _ in range(2):
            known = self._service.index.find(who.mac, who.uuid, who.serial)
            if known is not None:
                return _response(self._service.script(firmware, known, _client(request), again))
            await self._refresher.refresh()
        return _response(self._service.stranger(firmware, who, _client(request)))

    async def _named(self, request: Request, firmware: Firmware, prefix: str) -> Response:
        name: str = request.path_params["name"]
        if not name.startswith(prefix):
            return files.missing()  # PXELINUX and GRUB go on to other names
        return await self._asked(request, firmware, lambda: Asking(named(name.removeprefix(prefix))))

    async def _kept(self, say: Callable[[], Answer]) -> Response:
        """Answer when what was said is on the disk."""
        for _ in range(2):
            answer = say()
            if answer.status != NO_CONFIG.status:
                break
            await self._refresher.refresh()
        if answer.status == 200:
            try:
                await self._service.ledger.written()
            except StateError:
                return PlainTextResponse("not ready\n", 503)
        return _response(answer)

    async def _watch(self) -> AsyncIterator[bytes]:
        with self._watchers.watching() as queue:
            for state in self._service.states():
                yield as_line(state)
            while (event := await queue.get()) is not None:
                yield as_line(event)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _here(request: Request) -> bool:
    return bool(request.client and ipaddress.ip_address(request.client.host).is_loopback)


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)
