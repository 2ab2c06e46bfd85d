"""One claim at a time: a machine is looked up and written under a lock of the store's."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "claims.lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the store's claims for the length of the context, against other threads and processes.

    Raises:
        OSError: the directory cannot be used.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
