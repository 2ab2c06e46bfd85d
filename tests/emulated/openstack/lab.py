"""One strict OpenStack for each test process, and what tests do with it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from provision.model import MachineWanted
from provision.provider import Context
from provision_openstack import OpenStack
from tests.emulated import control, things
from tests.emulated.things import KEY, OWNER, UID, good, labels, make_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from provision.model import Json, Request, Wanted

__all__ = ["KEY", "OWNER", "UID", "good", "labels", "make_parts"]

PAYLOAD = "e30="
PLAIN: dict[str, Any] = {"floating_ip": False}
"""Options that make equal machines alike, for one call."""


@dataclass(frozen=True)
class Strict(control.Control):
    """The control side of the strict OpenStack."""

    def counts(self) -> Counter[str]:
        """Return how often each call came, logins and discovery left out."""
        calls = (c["call"] for c in self.calls() if c["service"] != "identity")
        return Counter(call for call in calls if "/" in call)

    def server(self, name: str) -> Json:
        """Return a server as it was asked for, its user data included."""
        return self.ask("server", {"name": name})  # type: ignore[no-any-return]


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
    server = Strict(control.start("tests.emulated.openstack.server"))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds(server.url, tmp_path)))
    monkeypatch.setenv("OS_CLOUD", "strict")
    server.reset()
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


def image(cloud: OpenStack) -> str:
    """Return the id of the image that is there."""
    return cloud.resolve("cirros")


def machine(name: str, given: Json, image_id: str, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": "m1.tiny", "image": image_id, "options": given}
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, names: Iterable[str], image_id: str, **others: Any) -> Wanted:
    own = things.take(others, things.OF_MACHINES)
    options = own.pop("options", given)
    return things.wanted((machine(n, options, image_id, **own) for n in names), given, labels(), **others)


def requests(
    given: Json, names: Sequence[str], image_id: str, inputs: Json, *, payload: str = PAYLOAD, **others: Any
) -> list[Request]:
    """Return requests for machines as the engine would send them."""
    own, access = things.take(others, things.OF_BODIES), OpenStack.traits.access
    bodies = {name: machine(name, given, image_id, **own).body(access) for name in names}
    rest = {"needs": tuple(inputs), "inputs": inputs, **others}
    return [things.request("openstack", labels(name), body, payload, **rest) for name, body in bodies.items()]
