"""The cluster's lock: held by the kernel (flock), so that a killed run frees it, with its holder written inside."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from provision.errors import LockHeld, StateError
from provision.model import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLL = 0.1
"""Seconds between two tries; the kernel cannot wait for a lock with a deadline."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. `since` is an RFC 3339 time in UTC."""

    pid: int
    host: str
    user: str
    command: str
    since: str

    @classmethod
    def current(cls, command: str | None = None) -> Holder:
        """Return this process as a holder; `command` is its command line when it is not given."""
        line = command if command is not None else " ".join(sys.argv)
        return cls(os.getpid(), socket.gethostname(), _user(), line, utc_text(datetime.now(UTC)))

    def __str__(self) -> str:
        return f"{self.command!r} (pid {self.pid}, {self.user}@{self.host}, since {self.since})"


@contextmanager
def flock(
    path: Path,
    holder: Holder,
    *,
    mode: Literal["shared", "exclusive"] = "exclusive",
    timeout: float = 0.0,
    waiting: Callable[[Holder | None], None] | None = None,
) -> Iterator[None]:
    """Hold a lock file until the block ends. Arguments and errors as in `Store.lock`.

    A shared holder is one of several and is not named: the file is emptied then, since what it says is of the past.
    """
    fd = _acquire(path, mode, time.monotonic() + timeout, waiting)
    try:
        os.ftruncate(fd, 0)
        if mode == "exclusive":
            os.pwrite(fd, json.dumps(asdict(holder)).encode(), 0)
        yield
    finally:
        if mode == "exclusive":
            os.ftruncate(fd, 0)
        os.close(fd)


def _acquire(path: Path, mode: str, deadline: float, waiting: Callable[[Holder | None], None] | None) -> int:
    while True:
        fd = _open(path)
        if _try(fd, mode):
            if _same(fd, path):
                return fd
            os.close(fd)  # the directory was removed and made again while we waited: lock what is there now
            continue
        other = _read(fd)
        os.close(fd)
        if time.monotonic() >= deadline:
            raise LockHeld(
                f"the cluster is locked by {other or 'another run that only reads, such as a plan'}",
                hint="wait for it, or give --lock-timeout; a lock ends with its process and needs no unlocking",
            )
        if waiting is not None:
            waiting(other)
            waiting = None
        time.sleep(POLL)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:  # a read-only disk, a directory of another user
        raise StateError(f"cannot lock {path.parent}: {error.strerror}") from error


def _try(fd: int, mode: str) -> bool:
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if mode == "exclusive" else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same(fd: int, path: Path) -> bool:
    mine = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _read(fd: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(fd, 4096, 0)))
    except (ValueError, TypeError):
        return None  # a reader holds it, or the writer has not yet signed


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
