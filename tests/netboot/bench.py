"""A boot service with a machine or more in its store, and a raw way to talk to it."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from provision.netboot.entry import Artefact, Entry
from provision.netboot.server import Settings, serving
from provision.netboot.store import BootStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from provision.netboot.server import Running

CONFIG = json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": [{"path": "/etc/hello"}]}}).encode()
PATIENCE = 20.0


@dataclass
class Clock:
    """The service's clock, which a test may move."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Bench:
    running: Running
    store: BootStore
    web: httpx.Client
    clock: Clock
    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def put(self, number: int, config: bytes | None = CONFIG, **changes: Any) -> Entry:
        """Write a machine into the store; the service sees it when it is asked."""
        return self.store.put(replace(entry(self.folder, number), **changes), config)

    def script(self, number: int = 1) -> str:
        answer = self.web.get(f"/ipxe?uuid=&mac={mac(number).replace(':', '-')}&arch=x86_64")
        assert answer.status_code == 200
        return answer.text

    def booting(self, number: int = 1) -> str:
        """Ask as firmware does until the machine is told to boot (its files are there), and return the script."""
        return until(lambda: (text := self.script(number)) and "kernel " in text and text)

    def home(self, machine: Entry, failed: tuple[str, ...] = ()) -> httpx.Response:
        report = {"machine": machine.id, "nonce": machine.phone_home, "failed": list(failed)}
        return self.web.post(f"/phone-home/{machine.phone_home}", json=report)

    def raw(self, data: bytes, *, wait: float = PATIENCE) -> bytes:
        """Send bytes on a connection of their own and return all that comes until it is closed."""
        with connection(self.running.here) as sock:
            sock.settimeout(wait)
            sock.sendall(data)
            return received(sock)


@contextmanager
def bench(folder: Path, **settings: Any) -> Iterator[Bench]:
    clock = Clock()
    events: list[dict[str, Any]] = []
    with ExitStack() as stack:
        wanted = Settings(folder / "data", folder / "cache", clock=clock, **settings)
        running = stack.enter_context(serving(wanted, events.append))
        verify = not settings.get("certificate")
        web = stack.enter_context(httpx.Client(base_url=running.here, timeout=PATIENCE, verify=verify))
        yield Bench(running, BootStore(folder / "data"), web, clock, folder, events)


def mac(number: int) -> str:
    return "52:54:00:{:02x}:{:02x}:{:02x}".format(*number.to_bytes(3, "big"))


def artefact(folder: Path, name: str = "vmlinuz", content: bytes = b"kernel" * 5000) -> Artefact:
    source = folder / "sources" / name
    if not source.exists():
        source.parent.mkdir(exist_ok=True, parents=True)
        source.write_bytes(content)
    return Artefact(name, hashlib.sha256(source.read_bytes()).hexdigest(), str(source))


def entry(folder: Path, number: int) -> Entry:
    secret = hashlib.sha256(f"{folder}{number}".encode()).hexdigest()
    return Entry(
        id=f"m{number}",
        cluster="demo",
        uid="7d3a7b0e-5e0f-4a53-9d4b-3f5a1f0f6a11",
        macs=(mac(number),),
        kernel=artefact(folder),
        initrds=(artefact(folder, "initrd.img", b"initrd" * 7000),),
        args=("console=ttyS0",),
        nonce=secret[:32],
        phone_home=secret[32:],
    )


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
    return found


@contextmanager
def connection(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as sock:
        yield sock


def received(sock: socket.socket) -> bytes:
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except (ConnectionResetError, TimeoutError):
        pass
    return data
