"""How far machines came, in an SQLite file: written by the service in batches, read by any process at any time.

A row holds JSON, since nothing is asked of it but by its key. Machines are few thousands and rows are small; what
SQLite gives is that a reader never sees half a write and that a crash loses no acknowledged one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from provision.errors import StateError
from provision.netboot.entry import Progress, Stranger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAME = "states.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS progress(id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS strangers(mac TEXT PRIMARY KEY, last REAL NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
"""
TIMEOUT = 10.0


def story(nonce: str) -> str:
    """Return by which an entry's progress is told from that of an earlier entry, without giving its nonce away."""
    return hashlib.sha256(nonce.encode()).hexdigest()[:16]


class States:
    """The file. Each call opens it, so that any thread and process may; a call takes a millisecond."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def write(
        self,
        progress: Iterable[Progress] = (),
        strangers: Iterable[Stranger] = (),
        *,
        gone: Iterable[str] = (),
        unseen: Iterable[str] = (),
    ) -> None:
        """Write what changed in one transaction; on return it is on the disk.

        `gone` are machines to forget, `unseen` strangers' MAC addresses.

        Raises:
            StateError: the disk refused; nothing was written.
        """
        with self._open() as database:
            database.executemany("DELETE FROM progress WHERE id=?", [(m,) for m in gone])
            rows = [(p.id, json.dumps(p.to_json())) for p in progress]
            database.executemany("INSERT OR REPLACE INTO progress VALUES(?,?)", rows)
            database.executemany("DELETE FROM strangers WHERE mac=?", [(m,) for m in unseen])
            seen = [(s.mac, s.last, json.dumps(asdict(s))) for s in strangers]
            database.executemany("INSERT OR REPLACE INTO strangers VALUES(?,?,?)", seen)

    def one(self, machine: str) -> Progress | None:
        """Return one machine's progress."""
        rows = self._read("SELECT body FROM progress WHERE id=?", (machine,))
        return Progress.from_json(json.loads(rows[0])) if rows else None

    def all(self) -> dict[str, Progress]:
        """Return all machines' progress by id."""
        found = map(Progress.from_json, map(json.loads, self._read("SELECT body FROM progress")))
        return {p.id: p for p in found}

    def strangers(self) -> list[Stranger]:
        """Return all strangers, the last one first."""
        return [Stranger(**json.loads(row)) for row in self._read("SELECT body FROM strangers ORDER BY last DESC")]

    def _read(self, sql: str, values: tuple[str, ...] = ()) -> list[str]:
        if not self._path.exists():
            return []
        with self._open() as database:
            return [row[0] for row in database.execute(sql, values)]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(self._path, timeout=TIMEOUT)) as database:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=FULL")
                database.executescript(SCHEMA)
                with database:
                    yield database
        except (OSError, sqlite3.Error) as error:
            hint = "move the file away: machines that boot are then known as pending again"
            raise StateError(f"{self._path} cannot be used: {error}", hint=hint) from error
