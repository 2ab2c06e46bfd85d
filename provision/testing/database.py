"""Where FakeCloud's things are: an SQLite file outside the process under test, shared by any number of processes.

It need not survive a power cut, only kill -9, so nothing is synced to the disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS things(
  id TEXT PRIMARY KEY, kind TEXT, name TEXT, cluster TEXT, uid TEXT, labels TEXT, token TEXT, digest TEXT, zone TEXT,
  size TEXT, outputs TEXT, addresses TEXT, body TEXT, payload TEXT, needs TEXT, protected INT, failed INT,
  created REAL, boots REAL, visible REAL, gone REAL);
CREATE INDEX IF NOT EXISTS by_token ON things(token);
CREATE INDEX IF NOT EXISTS by_cluster ON things(cluster, uid);
CREATE TABLE IF NOT EXISTS calls(n INTEGER PRIMARY KEY AUTOINCREMENT, op TEXT, things INT, at REAL);
CREATE TABLE IF NOT EXISTS faults(n INTEGER PRIMARY KEY AUTOINCREMENT, fault TEXT, left INT);
"""


class Database:
    """A connection per process, opened on first use, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pid = 0
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block all or nothing, alone among all threads and processes."""
        with self._lock:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock:
            return self._open().execute(sql, values).fetchall()

    def close(self) -> None:
        """Close this process's connection."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=60, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.executescript(SCHEMA)
            self._connection, self._pid = connection, os.getpid()
        return self._connection
