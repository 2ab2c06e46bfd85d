"""The store in a directory of this computer: files 0600, directories 0700, each write all or nothing."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

from provision.errors import StateError
from provision.state.lock import Holder, flock
from provision.state.store import ABSENT, Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
LOCK = ".lock"
CAS = ".cas"
"""Taken for the moment between comparing a version and replacing its file."""


class LocalStore:
    """One cluster's state below one directory, which is made on first use. See `provision.state.store.Store`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, key: str) -> Blob | None:
        """Return a key's value, or None."""
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", key, error) from error
        return Blob(data, _version(data))

    def put(self, key: str, data: bytes, *, expect: str | None = None, durable: bool = True) -> str:
        """Write a temporary file, fsync it, rename it over the old one, fsync the directory."""
        path = self._path(key)
        try:
            _private(path.parent, self.root)
            if expect is None:
                _replace(path, data, durable)
            else:
                with self._exclusive():
                    self._compare(key, expect)
                    _replace(path, data, durable)
        except OSError as error:
            raise _failed("write", key, error) from error
        return _version(data)

    def append(self, key: str, data: bytes, at: int) -> int:
        """Write behind the first `at` bytes and fdatasync; what was written in part is cut off again."""
        path = self._path(key)
        try:
            _private(path.parent, self.root)
            fresh = not path.exists()
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                _append(fd, key, data, at)
            finally:
                os.close(fd)
            if fresh:
                _sync_directory(path.parent)
        except OSError as error:
            raise _failed("write", key, error) from error
        return at + len(data)

    def list(self, prefix: str = "") -> list[str]:
        """Return the keys that start with a prefix, sorted; temporary files and locks are no keys."""
        names = (p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file())
        return sorted(n for n in names if n.startswith(prefix) and KEY.fullmatch(n))

    def delete(self, key: str) -> None:
        """Unlink a key's file."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise _failed("remove", key, error) from error

    def _sweep(self) -> None:
        """Remove temporary files that a killed run left."""
        for path in self.root.rglob(".tmp-*"):
            with suppress(OSError):
                path.unlink()

    @contextmanager
    def lock(
        self,
        holder: Holder,
        *,
        mode: Literal["shared", "exclusive"] = "exclusive",
        timeout: float = 0.0,
        waiting: Callable[[Holder | None], None] | None = None,
    ) -> Iterator[None]:
        """Hold the cluster's lock (flock on a file that provision never removes)."""
        try:
            _private(self.root, self.root)
        except OSError as error:
            raise _failed("lock", LOCK, error) from error
        with flock(self.root / LOCK, holder, mode=mode, timeout=timeout, waiting=waiting):
            if mode == "exclusive":
                self._sweep()
            yield

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise StateError(f"{key!r} is not a key of the state")
        return self.root / key

    def _compare(self, key: str, expect: str) -> None:
        found = self.get(key)
        if (found.version if found else ABSENT) != expect:
            raise StateError(f"another run changed {key} in {self.root}", hint="run the command again")

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        fd = os.open(self.root / CAS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _append(fd: int, key: str, data: bytes, at: int) -> None:
    size = os.fstat(fd).st_size
    if size != at:
        raise StateError(f"{key} has {size} bytes where {at} were expected: another run wrote it")
    try:
        view = memoryview(data)
        while view:
            view = view[os.pwrite(fd, view, at + len(data) - len(view)) :]
        os.fdatasync(fd)
    except OSError:
        os.ftruncate(fd, at)
        raise


def _replace(path: Path, data: bytes, durable: bool) -> None:
    temporary = path.with_name(f".tmp-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(path.parent)


def _private(directory: Path, root: Path) -> None:
    if directory.is_dir():
        return
    if directory != root:
        _private(directory.parent, root)
    else:
        directory.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _failed(verb: str, key: str, error: OSError) -> StateError:
    return StateError(
        f"cannot {verb} the state's {key}: {error.strerror or error}",
        hint="make room and run the command again: nothing is lost" if error.errno == 28 else None,  # ENOSPC
    )
