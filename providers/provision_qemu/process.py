"""A machine's QEMU process: started detached, found again by anybody, stopped and never mistaken."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_qemu import errors, network
from provision_qemu.command import Machine, command
from provision_qemu.locks import lock, waiting
from provision_qemu.place import Place, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

START_LIMIT = 60.0
"""Seconds that QEMU may take to open its files and ports; it takes 0.1 on an idle computer."""

TERM_LIMIT = 5.0
"""Seconds between SIGTERM, which QEMU takes as the order to end, and SIGKILL."""

ATTEMPTS = 8
"""How often other ports are chosen when another program was faster."""


@dataclass(frozen=True, slots=True)
class Process:
    """A live process; the file descriptor keeps meaning it, also after its pid is used anew (pidfd_open(2))."""

    pid: int
    fd: int

    def signal(self, number: int) -> None:
        """Send a signal; a process that has ended takes it in silence."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.fd, number)

    def ended(self, seconds: float) -> bool:
        """Wait for the end, and tell whether it came. A zombie has ended."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


@contextmanager
def found(place: Place) -> Iterator[Process | None]:
    """Find a machine's live process: the pid that QEMU wrote, if that has the machine's lock file open."""
    try:
        pid = int(place.pid.read_text())
        fd = os.pidfd_open(pid)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        yield None
        return
    try:
        process = Process(pid, fd)
        yield process if _is(pid, place) and not process.ended(0) else None
    finally:
        os.close(fd)


def start(place: Place, machine: Machine, accelerator: str, held: int) -> None:
    """Start a machine; `held` is the descriptor of its lock, which QEMU inherits.

    Raises:
        ProviderError: QEMU does not run, and these are its words.
    """
    for _ in range(ATTEMPTS):
        ports = network.free_ports()
        write_json(place.run, {"accelerator": accelerator, "ports": ports})
        said = _launch(place, command(machine, accelerator, ports), held)
        if said is None:
            place.started.touch()
            return
        stop(place)  # it may run all the same, when what was killed is the part that waits for it
        if not re.search("host forwarding rule", said):
            break
    raise errors.from_words(f"qemu does not start machine {machine.name}", said or "")


def stop(place: Place) -> None:
    """End a machine's process, if it has one: SIGTERM, then SIGKILL.

    Raises:
        ProviderError: it survives even that.
    """
    with found(place) as process:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process is None or process.ended(0):
                return
            process.signal(number)
            process.ended(TERM_LIMIT)
        if process is not None and not process.ended(TERM_LIMIT):
            message = f"machine {place.name}: qemu process {process.pid} does not end, not even by SIGKILL"
            raise ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True)


@contextmanager
def idle(place: Place, patience: float) -> Iterator[int | None]:
    """Wait until nobody starts or removes the machine; yields its lock, or None while its process lives.

    Raises:
        FileNotFoundError: the machine is gone.
        ProviderError: another process holds it for too long.
    """
    for _ in waiting(patience):
        with lock(place.lock, create=True) as held:
            if held is not None:
                yield held
                return
        with found(place) as process:
            if process is not None:
                yield None
                return
    message = f"another process has been working on machine {place.name} for {patience:.0f} s"
    raise ProviderError(message, kind=Kind.CONFLICT, retryable=True)


def _launch(place: Place, arguments: list[str], held: int) -> str | None:
    """Return None when QEMU runs, else what it said."""
    for stale in (place.pid, place.path / "qmp.sock"):
        stale.unlink(missing_ok=True)
    with place.log.open("ab") as log:
        begin = log.tell()
        try:
            run = subprocess.run(
                arguments,
                cwd=place.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[held],
                start_new_session=True,  # Ctrl-C is for us, not for the machines
                timeout=START_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it has not come up after {START_LIMIT:.0f} s"
    if run.returncode == 0:
        return None
    said = place.log.read_bytes()[begin:].decode(errors="replace")
    return said if run.returncode > 0 else f"{said}\nended by signal {-run.returncode}"


def _is(pid: int, place: Place) -> bool:
    # By the open file and the name, since a pid may have been used anew after a stale file was left.
    try:
        program = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]
        opened = list(Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return b"qemu-system" in program and any(_same(file, place.lock) for file in opened)


def _same(one: Path, other: Path) -> bool:
    with suppress(FileNotFoundError):  # closed meanwhile, or no file at all
        return one.samefile(other)
    return False
