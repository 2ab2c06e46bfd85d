"""The strict OpenStack: keystone's login in front of the services, faults on demand, a log of all calls.

Its shapes are those of the real services (shapes.json, recorded by tests/lab/openstack). A fault is a mapping: `call`
(such as "POST /servers", "*", or "mutating"), and what happens: `status` with `code` and `message`, or `reset: true`;
`after: true` does the work first, so that the answer is lost; `delay` in seconds; `times` limits it, `chance` makes it
random under the seed.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.emulated.openstack.compute import Compute
from tests.emulated.openstack.http import Answer, Refusal, Request
from tests.emulated.openstack.image import Image
from tests.emulated.openstack.network import Network
from tests.emulated.openstack.world import PROJECT, USER, World

Json = dict[str, Any]
PASSWORD = "the right one"
READS = ("GET", "HEAD")


class Reset(Exception):
    """The connection is to be cut."""


@dataclass
class Strict:
    """One cloud. `handle` answers requests, one at a time."""

    url: str
    world: World = field(default_factory=World)
    faults: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    microversion: str = "2.96"

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._random = random.Random(0)
        self.reset()

    def reset(self) -> None:
        self.world, self.faults, self.calls, self.microversion = World(), [], [], "2.96"
        self.network = Network(self.world)
        services: dict[str, Any] = {"compute": Compute(self.world), "network": self.network, "image": Image(self.world)}
        self._routes = {name: service.routes() for name, service in services.items()}

    def handle(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            Reset: the connection is to be cut without an answer.
        """
        if request.service == "strict":
            return Answer(body=self._control(request))
        entry = {
            "call": f"{request.method} {_bare(request)}",
            "service": request.service,
            "status": 0,
            "query": request.query,
        }
        with self._lock:
            self.calls.append(entry)
            struck = [fault for fault in self.faults if self._hits(fault, request)]
        try:
            _strike([f for f in struck if not f.get("after")])
            answer = self._answer(request)
            _strike([f for f in struck if f.get("after")])
        except Refusal as refusal:
            answer = refusal.answer(request.service)
        entry["status"] = answer.status
        return answer

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.world.settle()
            if request.service == "identity":
                return self._identity(request)
            if request.path.strip("/") in ("", "v2.1"):
                return self._discovery(request.service)
            if request.headers.get("x-auth-token") != "token":
                raise Refusal(401, "Unauthorized", "The request you have made requires authentication.")
            if request.service == "compute" and request.headers.get("openstack-api-version") != "compute 2.67":
                raise Refusal(406, "computeFault", "another microversion than is emulated")
            _, _, request.path = ("", *request.path.partition("/v2.1" if request.service == "compute" else "/v2"))[1:]
            if request.service == "network":
                request.path = request.path.removeprefix(".0")
            found = self._routes[request.service].get(request.call)
            if found is None:
                raise Refusal(404, "itemNotFound", f"The resource could not be found: {request.call}")
            answer: Answer = found(request)
            return answer

    def _hits(self, fault: Json, request: Request) -> bool:
        if request.service == "identity" or _bare(request) == "":
            return bool(fault.get("call") == "login" and request.method == "POST")
        call = f"{request.method} {_bare(request)}"
        mutating = request.method not in READS
        if fault["call"] not in ("*", call) and not (fault["call"] == "mutating" and mutating):
            return False
        if fault.get("times", 1) <= 0 or self._random.random() >= fault.get("chance", 1):
            return False
        if "times" in fault:
            fault["times"] -= 1
        return True

    def _identity(self, request: Request) -> Answer:
        if request.method == "GET":
            link = {"rel": "self", "href": f"{self.url}/identity/v3/"}
            version = {"id": "v3.14", "status": "stable", "links": [link], "media-types": []}
            return Answer(body={"version": version})
        user = request.json["auth"]["identity"]["password"]["user"]
        if user["password"] != PASSWORD:
            raise Refusal(401, "Unauthorized", "The request you have made requires authentication.")
        project = {"id": PROJECT, "name": "demo", "domain": {"id": "default", "name": "Default"}}
        token: Json = {
            "methods": ["password"], "user": {"id": USER, "name": "demo", "domain": project["domain"]},
            "audit_ids": ["a"], "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z",
            "roles": [{"id": "m", "name": "member"}], "is_domain": False, "catalog": self._catalog(),
        }  # fmt: skip
        if "scope" in request.json["auth"]:
            token["project"] = project
        return Answer(201, {"token": token}, {"X-Subject-Token": "token"})

    def _catalog(self) -> list[Json]:
        paths = {"compute": "/compute/v2.1", "network": "/network", "image": "/image", "identity": "/identity"}
        return [
            {
                "id": kind, "type": kind, "name": kind,
                "endpoints": [
                    {"id": kind, "interface": "public", "region": "RegionOne", "region_id": "RegionOne",
                     "url": self.url + path},
                ],
            }
            for kind, path in paths.items()
        ]  # fmt: skip

    def _discovery(self, service: str) -> Answer:
        link = {"rel": "self", "href": f"{self.url}/{service}/{'v2.1' if service == 'compute' else 'v2'}"}
        if service == "compute":
            version = {"id": "v2.1", "status": "CURRENT", "version": self.microversion, "min_version": "2.1"}
            return Answer(body={"version": {**version, "updated": "", "links": [link], "media-types": []}})
        if service == "network":
            link["href"] += ".0/"
            return Answer(body={"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})
        return Answer(300, {"versions": [{"id": "v2.17", "status": "CURRENT", "links": [link]}]})

    def _control(self, request: Request) -> Any:
        given = request.json if request.body else {}
        with self._lock:
            return getattr(self, f"control_{request.path.strip('/')}")(given)

    def control_reset(self, _: Json) -> None:
        self.reset()

    def control_faults(self, given: Json) -> None:
        self.faults, self._random = given["faults"], random.Random(given.get("seed", 0))

    def control_faults_left(self, _: Json) -> list[Json]:
        return [fault for fault in self.faults if fault.get("times", 0) > 0]

    def control_calls(self, _: Json) -> list[Json]:
        return self.calls

    def control_forget(self, _: Json) -> None:
        self.calls = []

    def control_set(self, given: Json) -> None:
        for key, value in given.items():
            setattr(self if key == "microversion" else self.world, key, value)

    def control_quota(self, given: Json) -> None:
        for key, value in given.items():
            (self.world.quota if key in self.world.quota else self.network.quotas)[key] = value

    def control_server(self, given: Json) -> Json:
        return next(s.item for s in self.world.servers.values() if s.item["name"] == given["name"])

    def control_ever(self, _: Json) -> int:
        return self.world.ever

    def control_world(self, _: Json) -> dict[str, list[str]]:
        self.world.settle()
        return _left(self.world)


def _left(world: World) -> dict[str, list[str]]:
    """Return the ids of all that exists and was not there at first, past the API: the judge of every test."""
    own = [n["id"] for n in world.networks.values() if not n["external"]]
    kinds: dict[str, Any] = {
        "machine": world.servers, "key-pair": world.key_pairs, "server-group": world.server_groups, "network": own,
        "subnet": [s["id"] for s in world.subnets.values() if s["network_id"] in own], "router": world.routers,
        "port": world.ports, "security-group": world.security_groups, "floating-ip": world.floatingips,
        "image": [i["id"] for i in world.images.values() if i["owner"] == PROJECT],
    }  # fmt: skip
    return {kind: sorted(ids) for kind, ids in kinds.items() if ids}


def _strike(faults: list[Json]) -> None:
    for fault in faults:
        time.sleep(fault.get("delay", 0))
        if fault.get("reset"):
            raise Reset
        if "status" in fault:
            raise Refusal(fault["status"], fault.get("code", "fault"), fault.get("message", "a fault on demand"))


def _bare(request: Request) -> str:
    """Return the path below the service's version, without ids."""
    words = request.call.partition(" ")[2].strip("/").split("/")
    return "/" + "/".join(words[1:]) if len(words) > 1 else ""
