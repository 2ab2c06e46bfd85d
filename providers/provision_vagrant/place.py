"""Where clusters live: a directory each under ``WORK/<cluster uid>``.

The directories, and what Vagrant notes in them, are the platform.

=============================  =====================================================================================
``Vagrantfile``                rendered anew with each change
``cluster.json``               the part `network`: whose the directory is, and its subnet
``machines/NAME/``             a machine: ``machine.json``, ``labels.json``, its first-boot config, ``console.log``
``.vagrant/``                  Vagrant's own notes
``states.json``                what Vagrant said last, for those who look while it works
``logs/``                      a file for each call of Vagrant
``.lock``                      held by whoever runs Vagrant here: it takes one at a time
=============================  =====================================================================================
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from provision.model import Json

NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
PATIENCE = 3600.0
"""Seconds to wait for another process of ours: it may be starting machines."""
PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster's directory; `held` is the descriptor of its lock, for whoever holds it."""

    path: Path
    held: int | None = None

    @property
    def uid(self) -> str:
        """The cluster's uid."""
        return self.path.name

    @property
    def cluster(self) -> Path:
        """Whose the directory is (JSON)."""
        return self.path / "cluster.json"

    @property
    def vagrantfile(self) -> Path:
        """The Vagrantfile."""
        return self.path / "Vagrantfile"

    @property
    def logs(self) -> Path:
        """Vagrant's own words, a file for each call."""
        return self.path / "logs"

    def machine(self, name: str) -> Path:
        """Return a machine's directory.

        Raises:
            ProviderError: the name could not be a directory of ours.
        """
        if not NAME.fullmatch(name):
            raise ProviderError(f"{name!r} cannot be a machine's name", kind=Kind.INVALID)
        return self.path / "machines" / name

    def machines(self) -> list[str]:
        """Return the names of all machines that are recorded here."""
        with suppress(FileNotFoundError):
            return sorted(e.name for e in os.scandir(self.path / "machines") if NAME.fullmatch(e.name))
        return []

    def known(self) -> dict[str, str]:
        """Return the machines that Vagrant has made, with its name of their hypervisor."""
        found = sorted((self.path / ".vagrant" / "machines").glob("*/*/id"))
        return {file.parent.parent.name: file.parent.name for file in found}

    def states(self) -> dict[str, str]:
        """Return what Vagrant said last of the machines that it has made."""
        with suppress(FileNotFoundError, ValueError):
            found: dict[str, str] = json.loads((self.path / "states.json").read_text())
            return {name: found[name] for name in self.known() if name in found}
        return {}

    def keep_states(self, states: Mapping[str, str]) -> None:
        """Keep what Vagrant said."""
        write_json(self.path / "states.json", dict(states))

    @contextmanager
    def locked(self, patience: float = PATIENCE) -> Iterator[Place | None]:
        """Hold the directory; yields None when somebody else has held it for longer than `patience` seconds.

        A Vagrant that is called under the lock has it too: should we be killed, it is held until Vagrant ends.

        Raises:
            FileNotFoundError: there is no such directory.
        """
        fd = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield replace(self, held=fd) if _taken(fd, time.monotonic() + patience) else None
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Remove the directory; for all others it is gone at once."""
        gone = self.path.with_name(f".gone-{secrets.token_hex(8)}")
        self.path.rename(gone)
        shutil.rmtree(gone)


def at(work: Path, uid: str) -> Place:
    """Return a cluster's place.

    Raises:
        ProviderError: the uid could not be a directory of ours.
    """
    if not is_uid(uid):
        raise ProviderError(f"{uid!r} is not a cluster's uid", kind=Kind.INVALID)
    return Place(work / uid)


def places(work: Path) -> list[Place]:
    """Return the places of all clusters."""
    with suppress(FileNotFoundError):
        return [Place(work / e.name) for e in sorted(os.scandir(work), key=lambda e: e.name) if is_uid(e.name)]
    return []


def is_uid(text: str) -> bool:
    """Tell whether a text is a uid as we write it."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file; readers see the old or the new content, never a part."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def write_json(path: Path, data: Json) -> None:
    """Write a JSON file of mode 0600, as `write` does."""
    write(path, json.dumps(data, indent=1) + "\n")


def _taken(fd: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE)
