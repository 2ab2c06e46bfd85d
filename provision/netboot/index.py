"""All entries in memory, found by MAC, UUID, serial or nonce in one step, whatever their number.

The directory's own modification time tells whether anything changed, since every write ends in a rename: one `stat`
while nothing does. Then the files that are new are read, and those only.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import StateError
from provision.netboot import nonces
from provision.netboot.entry import NO_SERIALS, NO_UUIDS
from provision.netboot.states import story
from provision.netboot.store import MACHINES, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provision.netboot.entry import Entry

POLL_SECONDS = 0.5
SETTLED = 0.1
"""Seconds after which a directory's time certainly differs at the next write."""

Stamp = tuple[int, int, int]


@dataclass(slots=True, eq=False)
class Known:
    """A machine in memory: its entry, and answers that were rendered for it (see `provision.netboot.service`)."""

    entry: Entry
    answers: dict[Any, Any] = field(default_factory=dict)
    story: str = ""
    nonces: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.story = story(self.entry.nonce)


Claims = dict[str, list[Known]]
"""Who says that a key is its own. The last has it: an address may move to another entry before the old one goes."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look at the directory found: entries that are new or changed, and ids that are gone or damaged."""

    found: Mapping[str, Entry]
    gone: frozenset[str]
    damaged: Mapping[str, str]
    stamps: Mapping[str, Stamp]
    mtime: int


class Index:
    """The entries. `scan` may run in any thread; all else belongs to the event loop."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / MACHINES
        self._stamps: Mapping[str, Stamp] = {}
        self._mtime = -1
        self.machines: dict[str, Known] = {}
        self.damaged: Mapping[str, str] = {}
        self._macs: Claims = {}
        self._uuids: Claims = {}
        self._serials: Claims = {}
        self._phones: Claims = {}
        self._nonces: dict[str, Known] = {}

    def changed(self) -> bool:
        """Whether the directory is another than at the last scan."""
        return self._modified() != self._mtime

    def scan(self) -> Scan:
        """Read what changed since the last `take`."""
        mtime = self._modified()
        recent = time.time_ns() - mtime < SETTLED * 1e9
        stamps = dict(self._look())
        found: dict[str, Entry] = {}
        damaged = {m: why for m, why in self.damaged.items() if stamps.get(m) == self._stamps.get(m)}
        for machine, stamp in stamps.items():
            if self._stamps.get(machine) != stamp:
                self._read(machine, found, damaged)
        gone = frozenset(self.machines.keys() - stamps.keys() | damaged.keys())
        return Scan(found, gone, damaged, stamps, -1 if recent else mtime)

    def take(self, scan: Scan) -> None:
        """Make what a scan found the index's content."""
        for machine in scan.gone | scan.found.keys():
            self._drop(machine)
        for entry in scan.found.values():
            self._add(Known(entry))
        self.damaged, self._stamps, self._mtime = scan.damaged, scan.stamps, scan.mtime

    def find(self, mac: str, uuid: str = "", serial: str = "") -> Known | None:
        """Return the machine with this MAC address, else with this UUID, else with this serial number."""
        claims = (
            self._macs.get(mac)
            or (self._uuids.get(uuid) if uuid not in NO_UUIDS else None)
            or (self._serials.get(serial) if serial.lower() not in NO_SERIALS else None)
        )
        return claims[-1] if claims else None

    def by_nonce(self, nonce: str) -> Known | None:
        """Return the machine that one of its rounds' nonces opens or opened."""
        return self._nonces.get(nonce)

    def by_phone(self, nonce: str) -> Known | None:
        """Return the machine whose phone-home has this nonce."""
        claims = self._phones.get(nonce)
        return claims[-1] if claims else None

    def expect(self, known: Known, rounds: int) -> None:
        """Make a machine found by the nonces of its last rounds."""
        for number in range(max(0, rounds - nonces.KEPT), rounds + 1):
            nonce = nonces.of(known.entry.nonce, number)
            self._nonces[nonce] = known
            known.nonces.add(nonce)

    def _modified(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _look(self) -> Iterable[tuple[str, Stamp]]:
        try:
            files = list(os.scandir(self._folder))
        except FileNotFoundError:
            return
        for file in files:
            if file.name.endswith(".json") and not file.name.startswith("."):
                try:
                    stat = file.stat()
                except FileNotFoundError:
                    continue
                yield file.name.removesuffix(".json"), (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def _read(self, machine: str, found: dict[str, Entry], damaged: dict[str, str]) -> None:
        try:
            entry = parse(Path(self._folder, f"{machine}.json").read_bytes(), machine)
            if entry.id != machine:
                raise StateError(f"the boot store's entry of {machine} names {entry.id} [PV583]")
            found[machine] = entry
            damaged.pop(machine, None)
        except FileNotFoundError:
            pass
        except (StateError, OSError) as error:
            damaged[machine] = str(error)

    def _add(self, known: Known) -> None:
        entry = known.entry
        self.machines[entry.id] = known
        for table, keys in self._keys(entry):
            for key in keys:
                table.setdefault(key, []).append(known)

    def _drop(self, machine: str) -> None:
        known = self.machines.pop(machine, None)
        if known is None:
            return
        for table, keys in self._keys(known.entry):
            for key in keys:
                table[key].remove(known)
                if not table[key]:
                    del table[key]
        for nonce in known.nonces:
            if self._nonces.get(nonce) is known:
                del self._nonces[nonce]

    def _keys(self, entry: Entry) -> Iterable[tuple[Claims, tuple[str, ...]]]:
        yield self._macs, entry.macs
        yield self._uuids, (entry.uuid.lower(),) if entry.uuid else ()
        yield self._serials, (entry.serial,) if entry.serial else ()
        yield self._phones, (entry.phone_home,) if entry.phone_home else ()
