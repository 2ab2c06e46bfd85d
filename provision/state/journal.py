"""The journal: intents before calls, outcomes after them; append-only, one checksummed JSON object a line.

::

    {"v":1,"seq":7,"at":"2026-01-02T03:04:05.678Z","kind":"intent", ... ,"crc":"89abcdef"}

`crc` is the CRC-32 of the line without it. A line that a crash or a power cut tore (the last one, without its
newline) never took effect and is cut off; any other damage is refused. See ``provision_schemas/journal.v1``.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision.errors import JournalCorrupt, StateError
from provision.state.fold import Recorded, apply, snapshot
from provision.state.store import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision.model import Json
    from provision.state.store import Store

KEY = "journal.jsonl"
VERSION = 1
TAIL = len(',"crc":"00000000"}')
COMPACT_AT = 256
"""Records below this number are kept as they are: they read as an audit trail."""


class Journal:
    """One cluster's journal, and what it says (`recorded`), kept up to date with every append.

    Reading changes nothing, so a plan may open it under a shared lock; a torn tail is cut by the first append.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """Read and check the whole journal.

        Raises:
            JournalCorrupt: a record that is not a torn last one is damaged.
            StateError: it cannot be read.
        """
        self._store, self._clock = store, clock
        blob = store.get(KEY)
        self._version = blob.version if blob else ABSENT
        data = blob.data if blob else b""
        self._length = data.rfind(b"\n") + 1
        self._torn = self._length < len(data)
        self._good = data[: self._length] if self._torn else b""
        self.recorded = Recorded()
        self._records = 0
        for record in parse(data):
            self._note(record)

    def append(self, records: Sequence[Json]) -> None:
        """Add records; on return all of them are on the disk, on an error none.

        Raises:
            StateError: they cannot be written; what was recorded before stays as it was.
        """
        if not records:
            return
        if self._torn:
            self._store.put(KEY, self._good, expect=self._version)
            self._torn, self._good = False, b""
        at = _moment(self._clock())
        full = [{"v": VERSION, "seq": self.recorded.head + n, "at": at, **r} for n, r in enumerate(records, 1)]
        self._length = self._store.append(KEY, b"".join(map(encode, full)), self._length)
        for record in full:
            self._note(record)

    def compact(self) -> None:
        """Write one snapshot in place of all records, when there are many more of these than things.

        Raises:
            StateError: it cannot be written; the journal stays as it was.
        """
        if self._records < COMPACT_AT + 2 * len(self.recorded.entries):
            return
        blob = self._store.get(KEY)
        if blob is None or len(blob.data) != self._length:
            raise StateError("another run wrote the journal", hint="run the command again")
        record = {"v": VERSION, "seq": self.recorded.head, "at": _moment(self._clock()), **snapshot(self.recorded)}
        line = encode(record)
        self._store.put(KEY, line, expect=blob.version)
        self._length, self._records = len(line), 1

    def _note(self, record: Json) -> None:
        apply(self.recorded, record)
        self._records += 1


def _moment(now: datetime) -> str:
    """Write a time to the millisecond: how long ago an intent was written decides whether its effect may still come."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(record: Json) -> bytes:
    """Return a record as its line."""
    text = json.dumps(record, separators=(",", ":"))
    return f'{text[:-1]},"crc":"{zlib.crc32(text.encode()):08x}"}}\n'.encode()


def parse(data: bytes) -> Iterator[Json]:
    """Yield the records of a journal; what follows the last newline is a torn record and is passed over.

    Raises:
        JournalCorrupt: a line is damaged, lost, doubled or out of order.
    """
    expected: int | None = None
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        record = _decode(line, number)
        seq = record["seq"]
        if expected is not None and seq != expected:
            raise _corrupt(number, f"record {seq} stands where {expected} was expected")
        if expected is None and seq != 1 and record["kind"] != "snapshot":
            raise _corrupt(number, f"the journal starts with record {seq}: its beginning is lost")
        expected = seq + 1
        yield record


def _decode(line: bytes, number: int) -> Json:
    body, tail = line[:-TAIL] + b"}", line[-TAIL:]
    if tail != b',"crc":"%08x"}' % zlib.crc32(body):
        raise _corrupt(number, "its checksum is wrong")
    record: Json = json.loads(body)
    if record["v"] != VERSION:
        raise _corrupt(number, f"it has version {record['v']}, this provision reads {VERSION}")
    return record


def _corrupt(line: int, why: str) -> JournalCorrupt:
    return JournalCorrupt(
        f"line {line} of {KEY} is damaged: {why} [PV650]",
        hint="restore the state's directory from a backup, or move it away: `provision adopt` rebuilds it from labels",
    )
