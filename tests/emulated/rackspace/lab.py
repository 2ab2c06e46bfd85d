"""One mimic for each test process, and what tests do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from provision.model import MachineWanted
from provision.provider import Context
from provision_rackspace import Rackspace
from tests.emulated import control, things
from tests.emulated.control import ROOT
from tests.emulated.rackspace.proxy import API_KEY
from tests.emulated.things import OWNER, UID, good, labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from provision.model import Json, Request, Wanted

__all__ = ["OWNER", "ROOT", "UID", "good", "labels"]

PAYLOAD = "e30="
SIZE = "general1-2"


@dataclass(frozen=True)
class Strict(control.Control):
    """The control side of the strict proxy."""

    def servers(self) -> list[Json]:
        """Return the servers as they were asked for, user data included."""
        return self.ask("servers")  # type: ignore[no-any-return]

    def environment(self, username: str = "demo") -> dict[str, str]:
        """Return the variables that name an account here."""
        return {
            "RAX_USERNAME": username,
            "RAX_API_KEY": API_KEY,
            "RAX_REGION": "DFW",
            "CLOUD_AUTH_ENDPOINT": f"{self.url}/identity/v2.0/",
        }


def start() -> Strict:
    """Return the server of this process."""
    return Strict(control.start("tests.emulated.rackspace.server"))


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Strict:
    """An empty Rackspace."""
    server = start()
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    server.reset()
    return server


def provider(given: Json, where: Path) -> Rackspace:
    return Rackspace(given, Context(where, where, lambda: datetime.now(UTC), where))


def image(cloud: Rackspace) -> str:
    """Return the id of an image that is there."""
    names = sorted(i["name"] for i in cloud._cloud.pages("/images/detail", "images"))
    return cloud.resolve(next(name for name in names if name.startswith("Debian")))


def machine(name: str, given: Json, image_id: str, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": SIZE, "image": image_id, "options": given}
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, machines: Iterable[MachineWanted], **others: Any) -> Wanted:
    return things.wanted(machines, given, labels(), **{"ssh_from": (), **others})


def requests(machines: Sequence[MachineWanted], inputs: Mapping[str, Mapping[str, str]] | None = None) -> list[Request]:
    """Return requests for machines as the engine would send them."""
    rest: Json = {"needs": tuple(inputs or ()), "inputs": inputs or {}}
    access = Rackspace.traits.access
    return [things.request("rackspace", labels(m.name), m.body(access), PAYLOAD, **rest) for m in machines]


def make_parts(cloud: Rackspace, given: Json) -> dict[str, dict[str, str]]:
    """Make key pair and network; return their outputs by name."""
    return things.make_parts(cloud, cloud.parts(wanted(given, [])))
