"""Where machines live: one directory each under ``WORK/<cluster uid>/<machine>``. The directories are the platform.

A directory appears under its name at once and whole: it is made under a name that begins with a dot and renamed, and
it goes the same way. `sweep` removes what a killed process left under such names. While a directory is being made or
removed, the cluster's ``.lock`` is held as shared, so that `sweep` (which needs it alone) touches nothing alive.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_qemu.locks import attempt, lock, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.model import Json

NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
PATIENCE = 60.0
"""Seconds to wait for another process of ours that works on the same cluster or machine."""


@dataclass(frozen=True, slots=True)
class Place:
    """One machine's directory and the files in it."""

    path: Path

    @property
    def uid(self) -> str:
        """The cluster's uid."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.path.name

    @property
    def request(self) -> Path:
        """What was asked for and how it was understood (JSON), without the payload."""
        return self.path / "request.json"

    @property
    def labels(self) -> Path:
        """Owner labels and protection (JSON): what may change."""
        return self.path / "labels.json"

    @property
    def config(self) -> Path:
        """The first-boot config; it may hold secrets."""
        return self.path / "config.ign"

    @property
    def disk(self) -> Path:
        """The overlay on the image, qcow2."""
        return self.path / "disk.qcow2"

    @property
    def console(self) -> Path:
        """All that the machine wrote to its serial port."""
        return self.path / "serial.log"

    @property
    def log(self) -> Path:
        """QEMU's own messages."""
        return self.path / "qemu.log"

    @property
    def lock(self) -> Path:
        """Locked while the machine's process is being started, lives, or is being removed."""
        return self.path / "lock"

    @property
    def pid(self) -> Path:
        """Written by QEMU itself; it removes the file when it ends in good order."""
        return self.path / "qemu.pid"

    @property
    def run(self) -> Path:
        """Ports and accelerator of the last start (JSON)."""
        return self.path / "run.json"

    @property
    def started(self) -> Path:
        """There from the first successful start on."""
        return self.path / "started"


def place(work: Path, uid: str, name: str) -> Place:
    """Return a machine's place.

    Raises:
        ProviderError: the uid or name could not be a directory of ours.
    """
    try:
        uuid.UUID(uid)
    except ValueError:
        raise ProviderError(f"{uid!r} is not a cluster's uid", kind=Kind.INVALID) from None
    if not NAME.fullmatch(name):
        raise ProviderError(f"{name!r} cannot be a machine's name", kind=Kind.INVALID)
    return Place(work / uid / name)


def places(cluster: Path) -> list[Place]:
    """Return the machines of a cluster's directory, by name."""
    try:
        names = sorted(entry.name for entry in os.scandir(cluster) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    return [Place(cluster / name) for name in names if NAME.fullmatch(name)]


def clusters(work: Path) -> list[Path]:
    """Return the directories of all clusters."""
    try:
        names = sorted(entry.name for entry in os.scandir(work) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    return [work / name for name in names if _is_uid(name)]


@contextmanager
def busy(cluster: Path) -> Iterator[None]:
    """Hold off `sweep` for a cluster while something in it is made or removed; makes the directory.

    Raises:
        ProviderError: another process sweeps it for too long.
    """
    fd = _enter(cluster)
    try:
        yield
    finally:
        os.close(fd)


def new(cluster: Path) -> Place:
    """Return a fresh directory that nobody sees as a machine yet."""
    path = cluster / f".new-{secrets.token_hex(8)}"
    path.mkdir(mode=0o700)
    return Place(path)


def publish(draft: Place, at: Place) -> bool:
    """Give a draft its name, or tell that the name is taken."""
    try:
        draft.path.rename(at.path)
    except OSError:
        if not at.path.exists():
            raise
        return False
    return True


def discard(gone: Place) -> None:
    """Remove a directory; for all others it is gone at once."""
    if not gone.name.startswith("."):
        gone = Place(gone.path.rename(gone.path.parent / f".gone-{secrets.token_hex(8)}"))
    shutil.rmtree(gone.path)


def sweep(cluster: Path) -> None:
    """Remove what killed processes left in a cluster's directory, and the directory when it is empty."""
    if not _needs_sweeping(cluster):
        return
    with suppress(FileNotFoundError), lock(cluster / ".lock", create=True) as alone:
        if alone is not None:
            _sweep(cluster)


def write_json(path: Path, data: Json) -> None:
    """Write a file of mode 0600; readers see the old or the new content, never a part."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _enter(cluster: Path) -> int:
    for _ in waiting(PATIENCE):
        cluster.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # swept away in this very moment: make it again
            fd = attempt(cluster / ".lock", shared=True, create=True)
            if fd is not None:
                return fd
    raise ProviderError(f"another process keeps {cluster} locked", kind=Kind.CONFLICT, retryable=True)


def _needs_sweeping(cluster: Path) -> bool:
    try:
        names = {entry.name for entry in os.scandir(cluster)} - {".lock"}
    except FileNotFoundError:
        return False
    return not names or any(name.startswith(".") for name in names)


def _sweep(cluster: Path) -> None:
    for entry in list(cluster.iterdir()):
        if entry.name.startswith((".new-", ".gone-")):
            shutil.rmtree(entry)
    if {entry.name for entry in cluster.iterdir()} <= {".lock"}:
        (cluster / ".lock").unlink()
        with suppress(OSError):  # somebody began a machine in this very moment
            cluster.rmdir()


def _is_uid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
