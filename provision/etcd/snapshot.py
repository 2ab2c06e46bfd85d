"""A copy of etcd's database on disk, checked, and kept by count."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import StateError
from provision.etcd.client import EtcdError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from provision.etcd.client import EtcdClient

SUFFIX = ".db"
_DIGEST = 32
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot; `size` is in bytes. ``etcdctl snapshot restore`` takes the file as it is."""

    path: Path
    size: int


def save(client: EtcdClient, path: Path) -> Saved:
    """Stream a member's database into a file, 0600; on any failure there is no file.

    Raises:
        EtcdError: etcd broke off, or what came is not what it sent.
        StateError: the file cannot be written.
    """
    temporary = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            size, whole = _copy(client.snapshot(), file.write)
            file.flush()
            os.fsync(file.fileno())
        if not whole:
            raise EtcdError(f"the snapshot from {client.url} is damaged: its checksum does not fit")
        temporary.replace(path)
    except OSError as error:
        raise StateError(f"the snapshot cannot be written to {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return Saved(path, size)


def prune(directory: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep` snapshots (by name, so name them by time); return what was removed."""
    found = sorted(directory.glob(f"*{SUFFIX}"))
    old = found[: max(0, len(found) - keep)]
    for path in old:
        path.unlink(missing_ok=True)
    return old


def _copy(blobs: Iterable[bytes], write: Callable[[bytes], object]) -> tuple[int, bool]:
    """Write blobs; return the size, and whether the last 32 bytes are the SHA-256 of all before them."""
    digest, size, tail = hashlib.sha256(), 0, b""
    for blob in blobs:
        write(blob)
        size += len(blob)
        tail += blob
        digest.update(tail[:-_DIGEST])
        tail = tail[-_DIGEST:]
    return size, size % _SECTOR == _DIGEST and digest.digest() == tail
