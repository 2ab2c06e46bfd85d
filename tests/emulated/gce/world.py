"""All that exists, and what goes on: things by kind and place, operations that end some time later."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.emulated.gce import catalogue
from tests.emulated.gce.discovery import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINK = "https://www.googleapis.com/compute/v1"


@dataclass
class Pending:
    """An operation: its answer, when it ends, and what it does then."""

    answer: dict[str, Any]
    due: float
    effect: Callable[[], None]


@dataclass
class World:
    project: str = catalogue.PROJECT
    latency: float = 0.01
    things: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(default_factory=dict)
    """By kind ("instances"), then by zone, region or "" and name."""
    operations: dict[str, Pending] = field(default_factory=dict)
    requests: dict[tuple[str, str], str] = field(default_factory=dict)
    quotas: dict[str, float] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    ever: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: count(10**15))

    def __post_init__(self) -> None:
        for kind in ("instances", "disks", "networks", "subnetworks", "firewalls"):
            self.things[kind] = {}
        for name, cidr in (("default", "10.128.0.0/20"), ("other", "10.200.0.0/24")):
            self.add("networks", "", {"name": name, "autoCreateSubnetworks": False})
            network = f"{LINK}/projects/{self.project}/global/networks/{name}"
            place = {"name": name, "network": network, "ipCidrRange": cidr}
            self.add("subnetworks", "us-central1", place)

    def add(self, kind: str, place: str, item: dict[str, Any]) -> dict[str, Any]:
        """Put a thing into the world, with what the server gives every thing."""
        scope = scope_of(place)
        path = f"projects/{self.project}/{scope}/{kind}/{item['name']}"
        made = {
            **item,
            "id": str(next(self.numbers)),
            "creationTimestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "selfLink": f"{LINK}/{path}",
        }
        if place:
            made["zone" if place in catalogue.zones() else "region"] = f"{LINK}/projects/{self.project}/{scope}"
        self.things[kind][place, item["name"]] = made
        return made

    def get(self, kind: str, place: str, name: str) -> dict[str, Any]:
        """Return a thing by its name or number.

        Raises:
            Refusal: there is none.
        """
        found = self.things[kind].get((place, name))
        found = found or next((i for (p, _), i in self.things[kind].items() if p == place and i["id"] == name), None)
        if found is None:
            raise missing(self.project, scope_of(place), kind, name)
        return found

    def begin(
        self, what: str, place: str, target: dict[str, Any] | None, effect: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Begin an operation, and return it."""
        number = next(self.numbers)
        answer: dict[str, Any] = {
            "kind": "compute#operation",
            "id": str(number),
            "name": f"operation-{number}",
            "operationType": what,
            "status": "RUNNING",
            "progress": 0,
            "insertTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "user": "tests@example.com",
        }
        if target is not None:
            answer |= {"targetId": target["id"], "targetLink": target["selfLink"]}
        if place:
            key = "zone" if place in catalogue.zones() else "region"
            answer[key] = f"{LINK}/projects/{self.project}/{scope_of(place)}"
        self.operations[answer["name"]] = Pending(answer, time.monotonic() + self.latency, effect)
        return answer

    def fail(self, answer: dict[str, Any], code: str, message: str, status: int = 403) -> None:
        """Let an operation end with an error."""
        pending = self.operations[answer["name"]]
        before = pending.effect

        def effect() -> None:
            before()
            error = {"errors": [{"code": code, "message": message}]}
            answer.update(error=error, httpErrorStatusCode=status, httpErrorMessage=code)

        pending.effect = effect

    def later(self, effect: Callable[[], None]) -> None:
        """Do something some time after, without an operation that tells of it."""
        self.operations[f"later-{next(self.numbers)}"] = Pending({}, time.monotonic() + self.latency, effect)

    def settle(self) -> None:
        """End what is due."""
        now = time.monotonic()
        for name, pending in list(self.operations.items()):
            if pending.due <= now and pending.answer.get("status") != "DONE":
                pending.effect()
                pending.answer |= {"status": "DONE", "progress": 100}
                if name.startswith("later-"):
                    del self.operations[name]

    def remove(self, kind: str, place: str, name: str) -> None:
        self.things[kind].pop((place, name), None)

    def usage(self) -> dict[str, float]:
        """Return what the project's instances take of each quota."""
        used = dict.fromkeys(("CPUS", "PREEMPTIBLE_CPUS", "N2_CPUS", "INSTANCES", "IN_USE_ADDRESSES"), 0.0)
        for item in self.things["instances"].values():
            for metric, amount in taken(item).items():
                used[metric] += amount
        return used

    def census(self) -> dict[str, list[str]]:
        """Return the names of all that exists, but what is there from the start."""
        return {
            kind: names
            for kind, things in self.things.items()
            if (names := sorted(item["name"] for item in things.values() if item["name"] not in ("default", "other")))
        }


def taken(item: dict[str, Any]) -> dict[str, float]:
    """Return what one instance takes of each quota."""
    zone, name = item["zone"].rpartition("/")[2], item["machineType"].rpartition("/")[2]
    cpus = float((catalogue.machine_type(zone, name) or {"guestCpus": 0})["guestCpus"])
    spot = item.get("scheduling", {}).get("provisioningModel") == "SPOT"
    metric = "PREEMPTIBLE_CPUS" if spot else "N2_CPUS" if name.startswith("n2-") else "CPUS"
    public = any("accessConfigs" in nic for nic in item.get("networkInterfaces", []))
    return {metric: cpus, "INSTANCES": 1.0, "IN_USE_ADDRESSES": float(public)}


def fingerprint(value: Any) -> str:
    return base64.b64encode(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()[:8]).decode()


def scope_of(place: str) -> str:
    if not place:
        return "global"
    return f"zones/{place}" if place in catalogue.zones() else f"regions/{place}"


def missing(project: str, scope: str, kind: str, name: str) -> Refusal:
    return Refusal(404, "notFound", f"The resource 'projects/{project}/{scope}/{kind}/{name}' was not found")
