"""Locks that a process can hand to its child, and that die with their last holder.

An open file description lock (fcntl(2), F_OFD_SETLK) belongs to the open file, not to the process. QEMU inherits
the open lock file of its machine, so the lock is held exactly as long as the machine's process is being started or
lives: no pid can be mistaken, and no kill -9 leaves a lock behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAUSE = 0.02
"""Seconds between two attempts: OFD locks cannot be waited for with a limit."""


def is_held(path: Path) -> bool:
    """Tell whether anybody holds the lock, without taking it. A missing file is not held."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK))
    finally:
        os.close(fd)
    return bool(struct.unpack_from("h", answer)[0] != fcntl.F_UNLCK)


@contextmanager
def lock(path: Path, *, shared: bool = False, create: bool = False) -> Iterator[int | None]:
    """Take the lock if that is possible at once; yields its file descriptor, or None.

    Raises:
        FileNotFoundError: the file (or, with `create`, its directory) does not exist.
    """
    fd = attempt(path, shared=shared, create=create)
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def waiting(seconds: float) -> Iterator[None]:
    """Yield at once, then again and again with a pause, until the time is over."""
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(PAUSE)
        yield


def attempt(path: Path, *, shared: bool = False, create: bool = False) -> int | None:
    """Do what `lock` does, for a caller that closes the descriptor itself."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK if shared else fcntl.F_WRLCK))
        if _same(fd, path):
            return fd
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            os.close(fd)
            raise
    os.close(fd)
    return None


def _same(fd: int, path: Path) -> bool:
    # The directory may have been removed, and made anew, while we opened the file.
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _flock(kind: int) -> bytes:
    # struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len (0: to the end), l_pid (must be 0).
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)
