"""One service for a store: the lock that it holds for as long as it runs."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import LockHeld, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the store's lock for the length of the context.

    Raises:
        LockHeld: another service runs on this store.
        StateError: the directory cannot be used.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{directory} cannot hold the boot store: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        hint = "stop it, or give another directory with --data"
        raise LockHeld(f"another boot service runs on {directory} [PV584]", hint=hint) from None
    finally:
        os.close(fd)


def held(directory: Path) -> bool:
    """Whether a service runs on this store."""
    try:
        fd = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
