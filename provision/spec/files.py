"""The one object through which a spec's own files are read: node configs and SSH key files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

MAX_BYTES = 64 << 20


class Files(Protocol):
    """Reads the files that a spec names."""

    def read(self, name: str) -> str:
        """Return a file's text.

        Raises:
            FileError: it cannot be read; the message says why.
        """

    def directory(self, name: str = "") -> Path:
        """Return the directory of a file that was named in the spec, or of the spec itself."""


class FileError(Exception):
    """A file cannot be used; the message says why, without its name."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Files on disk; relative names start at `base`, and each file is read once."""

    base: Path
    _texts: dict[str, str] = field(default_factory=dict, repr=False)

    def read(self, name: str) -> str:
        """Return a file's text; see `Files.read`."""
        if name not in self._texts:
            self._texts[name] = read_text(self._path(name))
        return self._texts[name]

    def directory(self, name: str = "") -> Path:
        """Return the directory of a file; see `Files.directory`."""
        return self._path(name).parent if name else self.base

    def _path(self, name: str) -> Path:
        try:
            return self.base / Path(name).expanduser()
        except RuntimeError:  # ~user without such a user
            raise FileError("there is no such home folder") from None


def decode(data: bytes) -> str:
    """Return UTF-8 text without its byte order mark.

    Raises:
        FileError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"not UTF-8 text (byte {error.start})") from None


def read_text(path: Path) -> str:
    """Read a regular file of UTF-8 text, with or without a byte order mark.

    Raises:
        FileError: it is missing, not a regular file, larger than 64 MiB, or not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileError("not a regular file")
        if path.stat().st_size > MAX_BYTES:
            raise FileError(f"larger than {MAX_BYTES >> 20} MiB")
        return decode(path.read_bytes())
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower()) from None
    except ValueError as error:  # a null byte in the name
        raise FileError(str(error)) from None
