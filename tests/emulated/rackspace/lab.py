"""One mimic for each test process, and what tests do with it."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision.model import MACHINE, Labels, MachineWanted, Observed, Owner, Request, Wanted, creation_token
from provision.provider import Context
from provision_rackspace import Rackspace
from tests.emulated.rackspace.proxy import API_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provision.model import Json
    from provision.provider import Outcome

ROOT = Path(__file__).parents[3]
UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqQY9XQ1PMqBoLYcZBOlGUsMYCfR3TnQ3ZRnWRmwHeV you@example.com"
OWNER = Owner("demo", UID)
PAYLOAD = "e30="
SIZE = "general1-2"


@dataclass(frozen=True)
class Strict:
    """The control side of the strict proxy."""

    url: str

    def ask(self, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/strict/{path}", data=data)) as answer:
            return json.loads(answer.read() or b"null")

    def faults(self, *faults: Json, seed: int = 0) -> None:
        """Set the faults that strike from now on; none heals."""
        self.ask("faults", {"faults": list(faults), "seed": seed})

    def counts(self) -> Counter[str]:
        """Return how often each call came, logins included."""
        return Counter(call["call"] for call in self.ask("calls"))

    def world(self) -> dict[str, list[str]]:
        """Return what exists, past the API, without kinds of which there is nothing."""
        return self.ask("world")  # type: ignore[no-any-return]

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


@functools.cache
def start() -> Strict:
    """Start the server of this process; it ends when its standard input does, however this process ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.emulated.rackspace.server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def stop() -> None:
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
        child.wait(timeout=20)

    atexit.register(stop)
    return Strict(f"http://127.0.0.1:{int(child.stdout.readline())}")


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Strict:
    """An empty Rackspace."""
    server = start()
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    server.ask("reset", {})
    return server


def provider(given: Json, where: Path) -> Rackspace:
    return Rackspace(given, Context(where, where, lambda: datetime.now(UTC), where))


def labels(name: str = "", generation: int = 1, **others: Any) -> Labels:
    about = Labels("demo", UID, name, generation, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
    return replace(about, **others)


def image(cloud: Rackspace) -> str:
    """Return the id of an image that is there."""
    names = sorted(i["name"] for i in cloud._cloud.pages("/images/detail", "images"))
    return cloud.resolve(next(name for name in names if name.startswith("Debian")))


def machine(name: str, given: Json, image_id: str, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": SIZE, "image": image_id, "options": given}
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, machines: Iterable[MachineWanted], **others: Any) -> Wanted:
    fixed: Json = {"ssh_keys": (KEY,), "ssh_from": (), "subnet": "10.99.0.0/24"}
    return Wanted("demo", UID, labels(), tuple(machines), options=given, **{**fixed, **others})


def requests(machines: Sequence[MachineWanted], inputs: Mapping[str, Mapping[str, str]] | None = None) -> list[Request]:
    """Return requests for machines as the engine would send them."""
    return [
        Request(
            MACHINE,
            each.name,
            "rackspace",
            labels(each.name),
            creation_token(UID, each.name, 1),
            each.body(Rackspace.traits.access),
            PAYLOAD,
            tuple(inputs or ()),
            inputs or {},
        )
        for each in machines
    ]


def make_parts(cloud: Rackspace, given: Json) -> dict[str, Mapping[str, str]]:
    """Make key pair and network; return their outputs by name."""
    return {thing.name: thing.outputs for thing in good(cloud.create(list(cloud.parts(wanted(given, [])))))}


def good(outcomes: Iterable[Outcome]) -> list[Observed]:
    """Return what was made, and fail on any error."""
    done = list(outcomes)
    for outcome in done:
        if outcome.error:
            raise outcome.error
    return [outcome.observed for outcome in done if outcome.observed]
