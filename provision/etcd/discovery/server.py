"""The discovery service on a socket, run by uvicorn in its own thread, for `up` and `provision discovery serve`."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from typing import TYPE_CHECKING

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from starlette.routing import BaseRoute

    from provision.etcd.discovery.httpd import Server
    from provision.etcd.discovery.limits import Limits

START_SECONDS = 10.0


@contextlib.contextmanager
def serving(
    directory: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    public_url: str = "",
    limits: Limits | None = None,
    extra_routes: Sequence[BaseRoute] = (),
) -> Iterator[str]:
    """Serve for the length of the context and yield the service's URL, such as ``http://127.0.0.1:4001``.

    The registry lies in `directory` and outlives the context. Port 0 takes a free one. With `certificate` and `key`
    (PEM files) the service speaks TLS. No signal handler is installed.

    Raises:
        ProvisionError: starlette or uvicorn is not installed, the address cannot be used, the certificate is bad.
        StateError: the directory cannot be used, or another service has it open.
    """
    need_libraries("the discovery service")
    from provision.etcd.discovery import service
    from provision.etcd.discovery.httpd import Server
    from provision.etcd.discovery.store import Store

    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(host, port))
        store = stack.enter_context(contextlib.closing(Store(directory, limits)))
        app = service.app(store, extra_routes=extra_routes, public_url=public_url)
        server = Server(app, store.limits, certificate, key, closing=app.state.service.waiters.close)
        stack.enter_context(running(server, listener))
        yield url_of("https" if certificate else "http", host, listener.getsockname()[1])


def need_libraries(what: str) -> None:
    """Raise ProvisionError, which names `what`, unless starlette and uvicorn are installed."""
    try:
        import starlette
        import uvicorn
    except ImportError as error:
        hint = "pip install 'provision[serve]'"
        raise ProvisionError(f"{what} needs {error.name}, which is not installed", hint=hint) from error
    del starlette, uvicorn


def raise_file_limit(wanted: int) -> int:
    """Raise this process's soft limit on open files towards `wanted` and return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address, for `running`.

    Raises:
        ProvisionError: the address cannot be used.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise ProvisionError(f"cannot listen on {host}: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        hint = "give another port, or 0 for a free one"
        raise ProvisionError(f"cannot listen on {host} port {port}: {error.strerror}", hint=hint) from error
    return listener


@contextlib.contextmanager
def running(server: Server, listener: socket.socket, what: str = "the discovery service") -> Iterator[None]:
    """Run a server in a daemon thread, which also keeps uvicorn from installing signal handlers.

    Raises:
        ProvisionError: it did not start.
    """
    thread = threading.Thread(target=server.run, args=([listener],), name=what, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    if not server.started:
        server.should_exit = True
        raise ProvisionError(f"{what} did not start")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def url_of(scheme: str, host: str, port: int) -> str:
    """Return a URL, with an IPv6 address in brackets."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
