"""Tiny real machines for tests: QEMU with 32 MiB and an empty disk, which sits in SeaBIOS and finds nothing to boot."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provision.model import Change, Labels, Observed, Owner, Request, creation_token
from provision.provider import Context, Outcome
from provision_qemu import QEMU

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TINY = {"cpus": 1, "memory": "32MiB"}
PAYLOAD = '{"ignition":{"version":"3.3.0"}}'


@dataclass
class Kit:
    """A work directory of its own, and requests for machines in it."""

    root: Path
    options: dict = field(default_factory=dict)
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        self.image = self.root / "empty.img"
        if not self.image.exists():
            self.image.touch()
            os.truncate(self.image, 1 << 20)
        options = {"image": str(self.image), "accelerator": "tcg", "disk_cache": "unsafe", **self.options}
        self.context = Context(self.root / "work", self.root / "cache", lambda: datetime.now(UTC), self.root)
        self.qemu = QEMU(options, self.context)

    @property
    def owner(self) -> Owner:
        return Owner("tiny", self.uid)

    def labels(self, name: str, generation: int = 1) -> Labels:
        return Labels("tiny", self.uid, name, generation, "me", "2030-01-01T00:00:00Z", "0123456789abcdef")

    def request(self, name: str, generation: int = 1, **body: object) -> Request:
        whole = {"os": "lab", "size": TINY, "image": "", "options": {}, "address": "10.99.0.7", **body}
        token = creation_token(self.uid, name, generation)
        return Request("machine", name, "qemu", self.labels(name, generation), token, whole, PAYLOAD)

    def make(self, name: str, generation: int = 1, **body: object) -> Observed:
        return made(self.qemu.create([self.request(name, generation, **body)]))

    def list(self) -> list[Observed]:
        return list(self.qemu.list(self.owner))

    def only(self) -> Observed:
        (machine,) = self.list()
        return machine

    def delete(self, *machines: Observed) -> None:
        for outcome in self.qemu.delete(machines):
            assert outcome.error is None, outcome.error

    def directory(self, name: str) -> Path:
        return self.context.work / self.uid / name


def made(outcomes: Iterator[Outcome]) -> Observed:
    """Return the one machine of a batch that must have succeeded."""
    (outcome,) = outcomes
    if outcome.error:
        raise outcome.error
    assert outcome.observed is not None
    return outcome.observed


def processes(root: Path) -> list[int]:
    """Return the pids of live qemu processes that have a file under a directory open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if "qemu" not in (process / "comm").read_text():
                continue
            files = [fd.readlink() for fd in (process / "fd").iterdir()]
        except OSError:
            continue  # gone, or a zombie
        if any(file.is_relative_to(root) for file in files):
            found.append(int(process.name))
    return found


def environment() -> dict[str, str]:
    """Return what a Python of our own needs to import these tests."""
    return {"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": os.environ["PATH"]}


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition, and fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come true in time"
        time.sleep(0.02)


@contextmanager
def tidy(root: Path) -> Iterator[Kit]:
    """Give a kit, and insist afterwards that deleting leaves nothing: no process, no directory."""
    kit = Kit(root)
    try:
        yield kit
    finally:
        for machine in kit.qemu.list(None):
            if machine.labels:
                list(kit.qemu.change([Change(machine, protected=False)]))
            kit.delete(machine)
    assert processes(root) == []
    assert not kit.context.work.exists() or list(kit.context.work.iterdir()) == []
