"""The one object that reads the user's local files, and only below the folder that it was given."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE = 64 << 20
"""Bytes of one local file; more than that cannot be a first-boot config's part."""


class LocalFileError(Exception):
    """A local file cannot be read; the text is the one that butane prints."""


class Escape(LocalFileError):
    """A path leads out of the files folder."""

    def __init__(self) -> None:
        super().__init__("local file path traverses outside the files directory")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a walk of a tree meets: its path as opened, its path within the tree, its mode, a link's target."""

    path: str
    relative: str
    mode: int
    target: str | None = None


class Files:
    """The user's files folder (``--files-dir``, or the folder of the spec).

    Args:
        root: the folder, as the user named it; messages repeat it.
        follow: whether symbolic links may lead out of the folder. The drop-in for butane follows them, as butane
            does; everywhere else such a link is refused, since a config from git could copy secrets of this computer.
    """

    def __init__(self, root: str | Path, *, follow: bool = False) -> None:
        self.root = os.fspath(root)
        self.follow = follow
        self._absolute = os.path.abspath(self.root)  # noqa: PTH100

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            LocalFileError: it is missing, unreadable, a folder, larger than MAX_FILE, or outside the folder.
        """
        path = self._inside(name)
        try:
            # Without O_NONBLOCK a pipe that nobody writes to would never open.
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
                status = os.fstat(file.fileno())
                if stat.S_ISDIR(status.st_mode):
                    raise LocalFileError(f"read {path}: is a directory")
                if not stat.S_ISREG(status.st_mode):
                    raise LocalFileError(f"read {path}: not a regular file")
                if status.st_size > MAX_FILE:
                    raise LocalFileError(f"read {path}: larger than {MAX_FILE >> 20} MiB")
                return file.read()
        except IsADirectoryError:
            raise LocalFileError(f"read {path}: is a directory") from None
        except OSError as error:
            raise LocalFileError(f"open {path}: {_reason(error)}") from None

    def tree(self, name: str) -> tuple[str, bool]:
        """Return a folder's path as it is opened, and whether it is a folder.

        Raises:
            LocalFileError: it is missing or outside the folder.
        """
        path = self._inside(name)
        try:
            return path, stat.S_ISDIR(Path(path).stat().st_mode)
        except OSError as error:
            raise LocalFileError(f"stat {path}: {_reason(error)}") from None

    def shown(self, name: str) -> str:
        """Return the path under which a file is shown to people."""
        return _join(self.root, name)

    def walk(self, top: str) -> Iterator[Entry | LocalFileError]:
        """Yield a folder and all below it, in the order of names, each folder before what it holds.

        What cannot be read is yielded as an error and the walk goes on; links are not followed.
        """
        yield from _walk(top, ".")

    def read_entry(self, entry: Entry) -> bytes:
        """Return the bytes of a file that a walk has met.

        Raises:
            LocalFileError: it cannot be read.
        """
        try:
            return Path(entry.path).read_bytes()
        except OSError as error:
            raise LocalFileError(f"open {entry.path}: {_reason(error)}") from None

    def leaves(self, entry: Entry) -> bool:
        """Whether a symbolic link's target lies outside the folder of this computer."""
        here = os.path.realpath(self._absolute)
        there = os.path.realpath(entry.path)
        return there != here and not there.startswith(here + os.sep)

    def _inside(self, name: str) -> str:
        path = _join(self.root, name)
        if "\0" in path:
            raise LocalFileError(f"open {path}: invalid argument")
        absolute = os.path.abspath(path)  # noqa: PTH100
        if absolute != self._absolute and not absolute.startswith(self._absolute.rstrip("/") + "/"):
            raise Escape
        if not self.follow and self.leaves(Entry(path, name, 0)):
            raise Escape
        return path


def _join(root: str, name: str) -> str:
    # Go's filepath.Join: an absolute name is taken below the root, and the whole is cleaned.
    joined = posixpath.normpath(f"{root}/{name}" if name else root)
    return joined[1:] if joined.startswith("//") else joined


def _walk(path: str, relative: str) -> Iterator[Entry | LocalFileError]:
    try:
        mode = os.lstat(path).st_mode
        target = os.readlink(path) if stat.S_ISLNK(mode) else None  # noqa: PTH115
    except OSError as error:
        yield LocalFileError(f"lstat {path}: {_reason(error)}")
        return
    yield Entry(path, relative, mode, target)
    if not stat.S_ISDIR(mode):
        return
    try:
        names = sorted(os.listdir(path), key=os.fsencode)  # noqa: PTH208
    except OSError as error:
        yield LocalFileError(f"open {path}: {_reason(error)}")
        return
    for name in names:
        yield from _walk(_join(path, name), posixpath.normpath(f"{relative}/{name}"))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
