"""An append-only file of JSON records: synced before it returns, replayed at start, safe to kill at any byte.

A line is ``CRC32 in 8 hex digits, space, JSON``. A torn last line was never acknowledged and is cut off; damage
anywhere else stops the service, since guessing would elect the wrong members.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from typing import TYPE_CHECKING, Any

from provision.errors import JournalCorrupt, LockHeld, StateError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Record = dict[str, Any]

FORMAT: Record = {"provision-discovery": 1}
NAME = "registry.log"


class Log:
    """The file, held open and locked against a second service on the same directory."""

    def __init__(self, directory: Path) -> None:
        """Open or create the log.

        Raises:
            StateError: the directory cannot be used.
            LockHeld: another service has it open.
            JournalCorrupt: it is damaged other than at its end.
        """
        self.path = directory / NAME
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{directory} cannot hold the registry: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except BlockingIOError:
            os.close(self._lock)
            hint = "stop it, or give another directory"
            raise LockHeld(f"another discovery service runs in {directory}", hint=hint) from None
        self.length = 0

    def close(self) -> None:
        """Close the file and release the lock."""
        os.close(self._fd)
        os.close(self._lock)

    def replay(self) -> list[Record]:
        """Return all records, having cut off a torn last line.

        Raises:
            JournalCorrupt: a line other than the last is damaged, or the format is another.
        """
        data = self.path.read_bytes()
        end = data.rfind(b"\n") + 1
        lines = data[:end].splitlines()
        records = [self._decode(line, number) for number, line in enumerate(lines, 1)]
        if records and records[0] != FORMAT:
            raise JournalCorrupt(f"{self.path}:1 is of a format that this version does not know")
        os.ftruncate(self._fd, end)
        os.lseek(self._fd, end, os.SEEK_SET)
        self.length = end
        if not records:
            self.append([FORMAT])
            self._sync_directory()
        return records[1:]

    def append(self, records: Iterable[Record]) -> None:
        """Write records and sync them, all or none.

        Raises:
            OSError: the disk refused; the file is as before.
        """
        data = b"".join(map(encode, records))
        try:
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self.length)
            os.lseek(self._fd, self.length, os.SEEK_SET)
            raise
        self.length += len(data)

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the whole file by these records, so that a crash leaves the old or the new one.

        Raises:
            OSError: the disk refused; the old file stays in use.
        """
        temporary = self.path.with_suffix(".new")
        data = b"".join(map(encode, [FORMAT, *records]))
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        temporary.replace(self.path)
        self._sync_directory()
        os.close(self._fd)
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self.length = len(data)

    def _decode(self, line: bytes, number: int) -> Record:
        checksum, _, body = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(body):
            hint = "restore the directory from a backup, or remove it: tokens not yet used up are then lost"
            raise JournalCorrupt(f"{self.path}:{number} is damaged", hint=hint)
        record: Record = json.loads(body)
        return record

    def _sync_directory(self) -> None:
        fd = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def encode(record: Record) -> bytes:
    """Return a record as one line."""
    body = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)
