"""A computer with a stub of Vagrant, a cluster in it, and requests for machines."""

from __future__ import annotations

import json
import sys
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provision.model import Labels, MachineWanted, Observed, Owner, Request, Wanted, creation_token
from provision.provider import Context, Outcome
from provision_vagrant import Vagrant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

PAYLOAD = '{"ignition":{"version":"3.3.0"}}'
STUB = Path(__file__).with_name("stub.py")
SUBNET = "10.99.0.0/24"


@dataclass
class Kit:
    """A user's computer: a work directory, Vagrant's home, a cluster."""

    root: Path
    options: dict = field(default_factory=dict)
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        self.home = self.root / "home"
        self.home.mkdir(exist_ok=True)
        self.context = Context(self.root / "work", self.root / "cache", lambda: datetime.now(UTC), self.root)
        self.options = {"box": "tiny", **self.options}
        self.vagrant = self.connect()
        self.boxes({"name": "tiny", "provider": "libvirt", "version": "0"})

    def connect(self) -> Vagrant:
        return Vagrant(self.options, self.context)

    @property
    def owner(self) -> Owner:
        return Owner("tiny", self.uid)

    @property
    def directory(self) -> Path:
        return self.context.work / self.uid

    def labels(self, name: str, generation: int = 1) -> Labels:
        return Labels("tiny", self.uid, name, generation, "me@example.org", "2030-01-01T00:00:00Z", "0123456789abcdef")

    def wanted(self, *machines: MachineWanted, subnet: str = SUBNET) -> Wanted:
        return Wanted("tiny", self.uid, self.labels(""), machines or (self.machine(),), self.options, subnet=subnet)

    def machine(self, name: str = "core-0", **changes: object) -> MachineWanted:
        plain = {"pool": "core", "os": "lab", "size": {}, "image": "", "options": self.options, "address": "10.99.0.10"}
        return MachineWanted(name, **{**plain, **changes})

    def request(self, name: str, generation: int = 1, payload: str = PAYLOAD, **body: object) -> Request:
        whole = {"os": "lab", "size": {}, "image": "", "options": self.options, "address": "10.99.0.10", **body}
        token = creation_token(self.uid, name, generation)
        return Request("machine", name, "vagrant", self.labels(name, generation), token, whole, payload)

    def network(self, subnet: str = SUBNET) -> Observed:
        (part,) = self.vagrant.parts(self.wanted(subnet=subnet))
        return made(self.vagrant.create([replace(part, token=creation_token(self.uid, part.name, 1))]))

    def make(self, name: str, **more: object) -> Observed:
        return made(self.vagrant.create([self.request(name, **more)]))

    def machines(self) -> list[Observed]:
        return [o for o in self.connect().list(self.owner) if o.kind == "machine"]

    def boxes(self, *boxes: dict[str, str]) -> None:
        (self.home / "boxes.json").write_text(json.dumps(boxes))

    def faults(self, **faults: object) -> None:
        (self.home / "faults.json").write_text(json.dumps(faults))

    def calls(self) -> list[str]:
        """Return the commands that Vagrant was given."""
        file = self.home / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def hypervisor(self) -> list[dict]:
        """Return what a hypervisor would have."""
        return [json.loads(file.read_text()) for file in sorted((self.home / "hypervisor").glob("*"))]


@contextmanager
def kit(root: Path, patch: pytest.MonkeyPatch, **options: object) -> Iterator[Kit]:
    """Put the stub on PATH, before all else."""
    program = root / "bin" / "vagrant"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {STUB} "$@"\n')
    program.chmod(0o755)
    patch.setenv("PATH", str(program.parent), prepend=":")
    patch.setenv("VAGRANT_HOME", str(root / "home"))
    patch.setenv("LIBVIRT_DEFAULT_URI", "qemu+ssh://nowhere/system")
    yield Kit(root, options)


def made(outcomes: Iterable[Outcome]) -> Observed:
    """Return the one thing of a batch that must have succeeded."""
    (outcome,) = outcomes
    if outcome.error:
        raise outcome.error
    assert outcome.observed is not None
    return outcome.observed
