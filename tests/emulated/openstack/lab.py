"""One strict OpenStack for each test process, and what tests do with it."""

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
from provision_openstack import OpenStack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provision.model import Json
    from provision.provider import Outcome

ROOT = Path(__file__).parents[3]
UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqQY9XQ1PMqBoLYcZBOlGUsMYCfR3TnQ3ZRnWRmwHeV you@example.com"
OWNER = Owner("demo", UID)
PAYLOAD = "e30="
PLAIN: dict[str, Any] = {"floating_ip": False}
"""Options that make equal machines alike, for one call."""


@dataclass(frozen=True)
class Strict:
    """The control side of the strict OpenStack."""

    url: str

    def ask(self, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/strict/{path}", data=data)) as answer:
            return json.loads(answer.read() or b"null")

    def faults(self, *faults: Json, seed: int = 0) -> None:
        """Set the faults that strike from now on; none heals."""
        self.ask("faults", {"faults": list(faults), "seed": seed})

    def counts(self) -> Counter[str]:
        """Return how often each call came, logins and discovery left out."""
        calls = (c["call"] for c in self.ask("calls") if c["service"] != "identity")
        return Counter(call for call in calls if "/" in call)

    def world(self) -> dict[str, list[str]]:
        """Return what exists, past the API, without kinds of which there is nothing."""
        return self.ask("world")  # type: ignore[no-any-return]

    def server(self, name: str) -> Json:
        """Return a server as it was asked for, its user data included."""
        return self.ask("server", {"name": name})  # type: ignore[no-any-return]


@functools.cache
def start() -> Strict:
    """Start the server of this process; it ends when its standard input does, however this process ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.emulated.openstack.server"],
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


def clouds(url: str, where: Path, **others: str) -> Path:
    """Write clouds.yaml for a keystone; JSON is YAML."""
    auth = {
        "auth_url": f"{url}/identity/v3",
        "username": "demo",
        "password": "the right one",
        "project_name": "demo",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        **others,
    }
    file = where / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"strict": {"auth": auth, "region_name": "RegionOne"}}}))
    return file


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Strict:
    """An empty strict OpenStack."""
    server = start()
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds(server.url, tmp_path)))
    monkeypatch.setenv("OS_CLOUD", "strict")
    server.ask("reset", {})
    return server


_CONNECTIONS: dict[str, Any] = {}


def provider(given: Json, where: Path, share: str = "") -> OpenStack:
    """Return a provider of its own; those that `share` a name share a login and its discovery, which take calls."""
    made = OpenStack(given, Context(where, where, lambda: datetime.now(UTC), where))
    if share:
        if share not in _CONNECTIONS:
            made._cloud.call("compute", "GET", "/os-availability-zone")
            made._cloud.call("network", "GET", "/networks", params={"limit": 1})
            made._cloud.call("image", "GET", "/images", params={"limit": 1})
            _CONNECTIONS[share] = (made._cloud._connection, made._cloud._proxies)
        made._cloud._connection, made._cloud._proxies = _CONNECTIONS[share]
    return made


def labels(name: str = "", generation: int = 1, **others: Any) -> Labels:
    about = Labels("demo", UID, name, generation, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
    return replace(about, **others)


def image(cloud: OpenStack) -> str:
    """Return the id of the image that is there."""
    return cloud.resolve("cirros")


def machine(name: str, given: Json, image_id: str, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": "m1.tiny", "image": image_id, "options": given}
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, names: Iterable[str], image_id: str, **others: Any) -> Wanted:
    fields = {"address", "zones", "size", "payload_size", "ignition", "options"}
    own = {key: others.pop(key) for key in list(others) if key in fields}
    return Wanted(
        cluster="demo",
        uid=UID,
        labels=labels(),
        machines=tuple(machine(name, own.get("options", given), image_id, **_rest(own)) for name in names),
        options=given,
        **{"ssh_keys": (KEY,), "ssh_from": ("203.0.113.0/24",), "subnet": "10.99.0.0/24", **others},
    )


def _rest(own: Json) -> Json:
    return {key: value for key, value in own.items() if key != "options"}


def requests(
    given: Json, names: Sequence[str], image_id: str, inputs: Json, *, payload: str = PAYLOAD, **others: Any
) -> list[Request]:
    """Return requests for machines as the engine would send them."""
    body_only = {key: others.pop(key) for key in list(others) if key in ("address", "image", "size")}
    return [
        Request(
            kind=MACHINE,
            name=name,
            provider="openstack",
            labels=labels(name),
            token=creation_token(UID, name, 1),
            body=machine(name, given, image_id, **body_only).body(OpenStack.traits.access),
            payload=payload,
            needs=tuple(inputs),
            inputs=inputs,
            **others,
        )
        for name in names
    ]


def make_parts(cloud: OpenStack, parts: Sequence[Request]) -> Json:
    """Make parts in their order, as the engine does; return their outputs by name."""
    made: Json = {}
    for part in parts:
        if not part.body.get("after_machines"):
            [thing] = good(cloud.create([replace(part, inputs={name: made[name] for name in part.needs})]))
            made[part.name] = dict(thing.outputs)
    return made


def good(outcomes: Iterable[Outcome]) -> list[Observed]:
    """Return what was made, and fail on any error."""
    done = list(outcomes)
    for outcome in done:
        if outcome.error:
            raise outcome.error
    return [outcome.observed for outcome in done if outcome.observed]
