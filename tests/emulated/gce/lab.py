"""One strict GCE for each test process, and what tests do with it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from provision.model import MachineWanted, utc_text
from provision.provider import Context
from provision_gce import GCE
from provision_gce.sdk import ENDPOINT
from tests.emulated import control, things
from tests.emulated.control import ROOT
from tests.emulated.gce.catalogue import PROJECT
from tests.emulated.things import KEY, OWNER, UID, good, listed, make_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from provision.model import Json, Request, Wanted

__all__ = ["KEY", "OWNER", "PROJECT", "ROOT", "UID", "good", "listed", "make_parts"]

REGION, ZONES = "us-central1", ("us-central1-a", "us-central1-b")
ZONE = ZONES[0]
IMAGE = "projects/kinvolk-public/global/images/flatcar-stable-3975-2-1"
ARM_IMAGE = "projects/kinvolk-public/global/images/flatcar-stable-arm64-3975-2-1"
OLD_IMAGE = "projects/kinvolk-public/global/images/flatcar-stable-2605-6-0"
EXPIRES = utc_text(datetime.now(UTC) + timedelta(days=1))


labels = partial(things.labels, expires=EXPIRES)


@dataclass(frozen=True)
class Strict(control.Control):
    """The control side of the strict GCE, and a naive client."""

    def set(self, **values: object) -> None:
        self.ask("set", values)

    def wait_settled(self) -> None:
        """Wait until no operation is under way."""
        deadline = time.monotonic() + 20
        while self.ask("under_way"):
            assert time.monotonic() < deadline, "an operation does not end"

    def machine(self, name: str, zone: str = ZONE) -> Json:
        return self.send("GET", f"zones/{zone}/instances/{name}")[1]

    def send(
        self, verb: str, path: str, body: object = None, project: str = PROJECT, **query: object
    ) -> tuple[int, Json]:
        """Make a call as a naive client does, by hand; return status and answer."""
        url = f"{self.url}/compute/v1/projects/{project}/{path}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{url}?{urlencode(query)}" if query else url, data=data, method=verb)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["error"]


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Strict:
    """An empty strict GCE."""
    server = Strict(control.start("tests.emulated.gce.server"))
    monkeypatch.setenv(ENDPOINT, f"{server.url}/compute/v1/")
    server.reset()
    return server


@pytest.fixture
def existing(strict: Strict) -> Json:
    """Options that name the default network, and a tag of its firewall rules."""
    return {**options(), "network": {"name": "default", "subnetwork": "default", "tags": ["here-before"]}}


def options() -> Json:
    """Return options that let the provider make a network of its own."""
    return {"project": PROJECT, "region": REGION, "image": IMAGE}


_CLIENTS: dict[str, Any] = {}


def provider(given: Json, where: Path) -> GCE:
    """Return a provider of its own; SDK clients are shared by all of this process, which has one server."""
    made = GCE(given, Context(where, where, lambda: datetime.now(UTC), where))
    if "endpoint_url" not in given:
        made._cloud._clients = _CLIENTS
    return made


def machine(name: str, given: Json, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": "e2-small", "image": IMAGE, "options": given}
    return MachineWanted(name, **{**values, "zones": ZONES, **others})


def wanted(given: Json, names: Iterable[str], **others: Any) -> Wanted:
    own = things.take(others, things.OF_MACHINES)
    return things.wanted((machine(name, given, **own) for name in names), given, labels(), **others)


def requests(
    given: Json,
    names: Sequence[str],
    inputs: Json | None = None,
    *,
    payload: str = "{}",
    generation: int = 1,
    **others: Any,
) -> list[Request]:
    """Return requests for machines as the engine would send them, each under a token of its own."""
    own = things.take(others, things.OF_BODIES)
    rest = {"inputs": inputs or {}, "zones": ZONES, "zone": ZONE, **others}
    return [
        things.request("gce", labels(name, generation), machine(name, given, **own).body(), payload, **rest)
        for name in names
    ]
