"""One strict GCE for each test process, and what tests do with it."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from provision.model import MACHINE, Labels, MachineWanted, Observed, Owner, Request, Wanted, creation_token, utc_text
from provision.provider import Context
from provision_gce import GCE
from provision_gce.sdk import ENDPOINT
from tests.emulated.gce.catalogue import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provision.model import Json
    from provision.provider import Outcome

ROOT = Path(__file__).parents[3]
REGION, ZONES = "us-central1", ("us-central1-a", "us-central1-b")
ZONE = ZONES[0]
UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
IMAGE = "projects/kinvolk-public/global/images/flatcar-stable-3975-2-1"
ARM_IMAGE = "projects/kinvolk-public/global/images/flatcar-stable-arm64-3975-2-1"
OLD_IMAGE = "projects/kinvolk-public/global/images/flatcar-stable-2605-6-0"
EXPIRES = utc_text(datetime.now(UTC) + timedelta(days=1))
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqQY9XQ1PMqBoLYcZBOlGUsMYCfR3TnQ3ZnRWmwHeVxx you@example.com"


@dataclass(frozen=True)
class Strict:
    """The control side of the strict GCE, and a naive client."""

    url: str

    def ask(self, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/strict/{path}", data=data)) as answer:
            return json.loads(answer.read())

    def reset(self) -> None:
        self.ask("reset", {})

    def set(self, **values: object) -> None:
        self.ask("set", values)

    def faults(self, *faults: Json, seed: int = 0) -> None:
        """Set the faults that strike from now on; none heals."""
        self.ask("faults", {"faults": list(faults), "seed": seed})

    def calls(self) -> list[Json]:
        return self.ask("calls")  # type: ignore[no-any-return]

    def counts(self) -> Counter[str]:
        return Counter(call["action"] for call in self.calls())

    def world(self) -> dict[str, list[str]]:
        """Return the names of all that exists, past the API."""
        return self.ask("world")  # type: ignore[no-any-return]

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


@functools.cache
def start() -> Strict:
    """Start the server of this process; it ends when its standard input does, however this process ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.emulated.gce.server"],
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
    """An empty strict GCE."""
    server = start()
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


def labels(name: str = "", generation: int = 1, **others: Any) -> Labels:
    about = Labels("demo", UID, name, generation, "you@example.com", EXPIRES, "0123456789abcdef")
    return replace(about, **others)


OWNER = Owner("demo", UID)


def machine(name: str, given: Json, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": "e2-small", "image": IMAGE, "options": given}
    return MachineWanted(name, **{**values, "zones": ZONES, **others})


def wanted(given: Json, names: Iterable[str], **others: Any) -> Wanted:
    fields = {"address", "zones", "size", "image", "payload_size", "ignition"}
    own = {key: others.pop(key) for key in list(others) if key in fields}
    return Wanted(
        cluster="demo",
        uid=UID,
        labels=labels(),
        machines=tuple(machine(name, given, **own) for name in names),
        options=given,
        **{"ssh_keys": (KEY,), "ssh_from": ("203.0.113.0/24",), "subnet": "10.99.0.0/24", **others},
    )


def requests(
    given: Json,
    names: Sequence[str],
    inputs: Json | None = None,
    *,
    payload: str = "{}",
    zone: str = ZONE,
    generation: int = 1,
    **others: Any,
) -> list[Request]:
    """Return requests for machines as the engine would send them, each under a token of its own."""
    body_only = {key: others.pop(key) for key in list(others) if key in ("address", "image", "size")}
    return [
        Request(
            kind=MACHINE,
            name=name,
            provider="gce",
            labels=labels(name, generation),
            token=creation_token(UID, name, generation, zone),
            body=machine(name, given, **body_only).body(),
            payload=payload,
            inputs=inputs or {},
            zones=ZONES,
            zone=zone,
            **others,
        )
        for name in names
    ]


def make_parts(cloud: GCE, parts: Sequence[Request]) -> dict[str, dict[str, str]]:
    """Make parts in order, handing on their outputs; return these."""
    made: dict[str, dict[str, str]] = {}
    for part in parts:
        [outcome] = cloud.create([replace(part, inputs={name: made[name] for name in part.needs})])
        if outcome.error:
            raise outcome.error
        assert outcome.observed is not None
        made[part.name] = dict(outcome.observed.outputs)
    return made


def good(outcomes: Iterable[Outcome]) -> list[Observed]:
    """Return what was made, and fail on any error."""
    done = list(outcomes)
    for outcome in done:
        if outcome.error:
            raise outcome.error
    return [outcome.observed for outcome in done if outcome.observed]


def listed(cloud: GCE) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of all that the cluster has."""
    yield from ((o.kind, o.name) for o in cloud.list(OWNER))
