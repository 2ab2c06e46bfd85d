"""The boot service on a socket, run by uvicorn in its own thread, for `provision serve` and for tests."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.etcd.discovery.server import listening, need_libraries, running, url_of
from provision.netboot.cache import Cache
from provision.netboot.index import Index
from provision.netboot.ledger import Ledger
from provision.netboot.locked import alone
from provision.netboot.rendered import Rendered
from provision.netboot.service import BootService, Urls
from provision.netboot.store import BootStore, Service
from provision.netboot.watchers import Watchers

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from provision.model import Json

WHAT = "the boot service"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the service runs.

    `data` is the boot store, `cache` the directory of boot files. Port 0 takes a free one. `url` is where machines
    reach the service when that is not the address that it listens on. With `certificate` and `key` (PEM files) it
    speaks TLS. `loaders` is the folder that TFTP serves; with `native` there are scripts in it for firmware that asks
    by TFTP alone. `clock` gives seconds since 1970.
    """

    data: Path
    cache: Path
    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    loaders: Path | None = None
    native: bool = False
    clock: Callable[[], float] = field(default=time.time)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs: its URL as machines see it, where it is here, and its parts."""

    url: str
    here: str
    service: BootService
    loop: asyncio.AbstractEventLoop

    def read(self, mac: str, client: str) -> None:
        """Keep, from any thread, that a machine has read its script by TFTP."""
        self.loop.call_soon_threadsafe(self.service.read, mac, client)

    def files_at(self, url: str) -> None:
        """Send machines elsewhere for their boot files, from any thread; "" is the service itself."""
        self.loop.call_soon_threadsafe(setattr, self.service.urls, "files", url or self.url)
        self.service.store.announce(_announced(self.url, url or self.url))


@contextmanager
def serving(settings: Settings, listener: Callable[[Json], None] = lambda _: None) -> Iterator[Running]:
    """Serve for the length of the context. No signal handler is installed.

    Args:
        settings: how.
        listener: is told of every change of a machine, on the service's thread.

    Raises:
        ProvisionError: starlette or uvicorn is not installed, the address cannot be used, the certificate is bad.
        StateError: the store cannot be used, or another service uses it.
    """
    need_libraries(WHAT)
    with ExitStack() as stack:
        stack.enter_context(alone(settings.data))
        socket_ = stack.enter_context(listening(settings.host, settings.port))
        port = socket_.getsockname()[1]
        here = url_of("https" if settings.certificate else "http", settings.host, port)
        url = settings.url.rstrip("/") or here
        service, watchers = _service(settings, url, listener)
        stack.enter_context(service.cache.filling())
        loop = _serve(stack, settings, service, watchers, socket_)
        service.store.announce(_announced(url, url))
        yield Running(url, here, service, loop)


def _announced(url: str, files_url: str) -> Service:
    return Service(url, files_url, f"{url}/discovery", os.getpid())


def _service(settings: Settings, url: str, listener: Callable[[Json], None]) -> tuple[BootService, Watchers]:
    watchers = Watchers(listener)
    service = BootService(
        BootStore(settings.data),
        Index(settings.data),
        Ledger(settings.data, watchers, settings.clock),
        Cache(settings.cache),
        Urls(url, url),
        settings.clock,
        Rendered(settings.loaders, url) if settings.loaders and settings.native else None,
    )
    return service, watchers


def _serve(
    stack: ExitStack, settings: Settings, service: BootService, watchers: Watchers, listener: socket.socket
) -> asyncio.AbstractEventLoop:
    from provision.etcd.discovery import service as discovery
    from provision.etcd.discovery.httpd import Server
    from provision.etcd.discovery.store import Store
    from provision.netboot.hot import HotProtocol
    from provision.netboot.refresh import Refresher
    from provision.netboot.web import Web

    tokens = Store(settings.data / "discovery")
    stack.callback(tokens.close)
    mounted = discovery.app(tokens, public_url=f"{service.urls.service}/discovery")
    refresher = Refresher(service)
    service.take(service.index.scan())
    service.ledger.keep_only(service.index.machines)

    loops: list[asyncio.AbstractEventLoop] = []

    class BootServer(Server):
        """The server with what runs beside it on its loop."""

        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            loops.append(asyncio.get_running_loop())
            beside = [asyncio.ensure_future(service.ledger.run()), asyncio.ensure_future(refresher.run())]
            try:
                await super().serve(sockets)
            finally:
                for task in beside:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def closing() -> None:
        watchers.close()
        mounted.state.service.waiters.close()

    app = Web(service, refresher, watchers, settings.loaders).app(mounted)
    protocol = type("Protocol", (HotProtocol,), {"service": service})
    server = BootServer(app, tokens.limits, settings.certificate, settings.key, closing=closing, protocol=protocol)
    stack.enter_context(running(server, listener, WHAT))
    return loops[0]
