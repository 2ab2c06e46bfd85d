"""A recording proxy before mimic: refuses what Rackspace would, honours what mimic drops, and strikes on demand.

mimic keeps neither user data nor networks nor the config drive, knows no cloud networks, takes any key pair, any
credentials and any image, and answers POST of metadata with 404. All that is looked at, or done, here.

A fault is a mapping: `call` (such as "POST /servers", "*", "mutating" or "login"), and what happens: `status` with
`message`, or `reset: true`; `after: true` does the work first, so that the answer is lost; `times` limits it, `chance`
makes it random under the seed. mimic's own switches go in by `switches`: metadata that its servers obey.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.emulated.openstack.http import Answer, Refusal
from tests.emulated.openstack.strict import Reset
from tests.emulated.rackspace import wire

if TYPE_CHECKING:
    from tests.emulated.openstack.http import Request

Json = dict[str, Any]
API_KEY = "the right one"
READS = ("GET", "HEAD")
RATE = {
    "uri": "/servers",
    "regex": "/servers",
    "limit": [{"verb": "POST", "value": 1000, "remaining": 1000, "unit": "MINUTE", "next-available": ""}],
}


@dataclass
class Place:
    """What mimic does not keep of one account's region; servers are kept with the body that asked for them."""

    path: str
    networks: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    servers: dict[str, Json] = field(default_factory=dict)
    token: str = ""


class Proxy:
    """The proxy; `handle` answers requests."""

    def __init__(self, port: int, host: str) -> None:
        self._port, self._host = port, host
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        self.places: dict[str, Place] = {}
        self.faults: list[Json] = []
        self.calls: list[Json] = []
        self.limits: Json = {"totalInstancesUsed": 0, "totalRAMUsed": 0}
        self.rate: Json = RATE
        self.switches: Json = {}
        self.expired: set[str] = set()
        self.ever = 0
        self._random = random.Random(0)

    def handle(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            Reset: the connection is to be cut without an answer.
        """
        if request.service == "strict":
            return Answer(body=getattr(self, f"control_{request.path.strip('/')}")(_body(request)))
        place, path = self._place(request)
        call = "login" if place is None else f"{request.method} {wire.bare(path)}"
        with self._lock:
            self.calls.append({"action": call, "body": _body(request)})
            struck = [fault for fault in self.faults if self._hits(fault, call)]
        try:
            _strike([fault for fault in struck if not fault.get("after")])
            answer = self._login(request) if place is None else self._nova(place, path, call, request)
            _strike([fault for fault in struck if fault.get("after")])
        except Refusal as refusal:
            answer = refusal.answer("compute")
        return answer

    def _place(self, request: Request) -> tuple[Place | None, str]:
        base, found, rest = request.path.partition("/v2/")
        if request.service == "identity" or not found:
            return None, ""
        tenant, _, path = rest.partition("/")
        key = f"{base}/v2/{tenant}"
        with self._lock:
            return self.places.setdefault(key, Place(f"/mimicking{key}")), f"/{path}"

    def _hits(self, fault: Json, call: str) -> bool:
        mutating = call != "login" and call.split()[0] not in READS
        every = fault["call"] == "*" and call != "login"
        if not every and fault["call"] != call and not (fault["call"] == "mutating" and mutating):
            return False
        if fault.get("times", 1) <= 0 or self._random.random() >= fault.get("chance", 1):
            return False
        if "times" in fault:
            fault["times"] -= 1
        return True

    def _login(self, request: Request) -> Answer:
        given = request.json["auth"].get("RAX-KSKEY:apiKeyCredentials")
        if given is None or given["apiKey"] != API_KEY:
            raise Refusal(401, "unauthorized", "Unable to authenticate user with credentials provided.")
        answer = self._mimic(request.method, f"/identity{request.path}", request.json)
        # mimic gives one token for each user; each login has one of its own here.
        answer.body["access"]["token"]["id"] += f".{uuid.uuid4().hex}"
        return answer

    def _nova(self, place: Place, path: str, call: str, request: Request) -> Answer:
        if request.headers.get("x-auth-token") in {"", None, *self.expired}:
            raise Refusal(401, "unauthorized", "No valid token provided. Please use one.")
        own = OWN.get(call)
        with self._lock:
            place.token = request.headers["x-auth-token"]
            if own is not None:
                answer: Answer = own(self, place, path, request)
                return answer
        query = f"?{urlencode(request.query, doseq=True)}" if request.query else ""
        body = _body(request) if request.body else None
        return self._mimic(request.method, place.path + path + query, body, place.token)

    def _mimic(self, method: str, path: str, body: Any = None, token: str = "") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Host": self._host, "Content-Type": "application/json", "X-Auth-Token": token.partition(".")[0]}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        # Its links name its own port.
        data = data.replace(f"127.0.0.1:{self._port}".encode(), self._host.encode())
        return Answer(answer.status, json.loads(data) if data else None)

    def create(self, place: Place, path: str, request: Request) -> Answer:
        wanted = request.json
        wire.check(wanted, place.networks, place.keys)
        server = {**wanted["server"], "metadata": {**wanted["server"]["metadata"], **self.switches}}
        answer = self._mimic("POST", place.path + path, {"server": server}, place.token)
        if answer.status == 202:
            place.servers[answer.body["server"]["id"]] = wanted["server"]
            self.ever += 1
        return answer

    def servers(self, place: Place, path: str, request: Request) -> Answer:
        answer = self._mimic("GET", f"{place.path}{path}?{urlencode(request.query, doseq=True)}", None, place.token)
        for item in (answer.body.get("servers") or [answer.body.get("server")]) if answer.status == 200 else []:
            if item:
                wire.complete(item, place.servers[item["id"]], place.networks)
        return answer

    def delete(self, place: Place, path: str, _request: Request) -> Answer:
        answer = self._mimic("DELETE", place.path + path, None, place.token)
        if answer.status == 204:
            place.servers.pop(path.rpartition("/")[2])
        return answer

    def metadata(self, place: Place, path: str, request: Request) -> Answer:
        there = self._mimic("GET", f"{place.path}{path}/", None, place.token)
        if there.status != 200:
            return there
        merged = {"metadata": {**there.body["metadata"], **request.json["metadata"]}}
        wire.check_metadata(merged["metadata"])
        return self._mimic("PUT", f"{place.path}{path}/", merged, place.token)

    def networks(self, place: Place, _path: str, _request: Request) -> Answer:
        return Answer(body={"networks": [*wire.PSEUDO, *place.networks.values()]})

    def add_network(self, place: Place, _path: str, request: Request) -> Answer:
        wanted = request.json["network"]
        wire.check_network(wanted)
        made = {"id": str(uuid.uuid4()), **wanted}
        place.networks[made["id"]] = made
        return Answer(body={"network": made})

    def drop_network(self, place: Place, path: str, _request: Request) -> Answer:
        number = path.rpartition("/")[2]
        if number not in place.networks:
            raise Refusal(404, "itemNotFound", f"Network {number} could not be found.")
        if any({"uuid": number} in server["networks"] for server in place.servers.values()):
            raise Refusal(403, "forbidden", f"Network {number} is in use: it has active ports.")
        del place.networks[number]
        return Answer(202)

    def add_key(self, place: Place, path: str, request: Request) -> Answer:
        wanted = request.json["keypair"]
        if wanted["name"] in place.keys:
            raise Refusal(409, "conflictingRequest", f"Key pair '{wanted['name']}' already exists.")
        place.keys[wanted["name"]] = wanted
        return self._mimic("POST", place.path + path, {"keypair": wanted}, place.token)

    def drop_key(self, place: Place, path: str, _request: Request) -> Answer:
        answer = self._mimic("DELETE", place.path + path, None, place.token)
        place.keys.pop(path.rpartition("/")[2], None)
        return answer if answer.status < 400 else Refusal(404, "itemNotFound", "Keypair not found").answer("compute")

    def get_limits(self, place: Place, path: str, _request: Request) -> Answer:
        answer = self._mimic("GET", place.path + path, None, place.token)
        answer.body["limits"]["absolute"].update(self.limits)
        answer.body["limits"]["rate"] = [self.rate]
        return answer

    def control_reset(self, _: Json) -> None:
        with self._lock:
            for place in self.places.values():
                for path in (*(f"/servers/{s}" for s in place.servers), *(f"/os-keypairs/{k}" for k in place.keys)):
                    self._mimic("DELETE", place.path + path, None, place.token)
            self.reset()

    def control_faults(self, given: Json) -> None:
        with self._lock:
            self.faults, self._random = given["faults"], random.Random(given.get("seed", 0))

    def control_faults_left(self, _: Json) -> list[Json]:
        return [fault for fault in self.faults if fault.get("times", 0) > 0]

    def control_calls(self, _: Json) -> list[Json]:
        return self.calls

    def control_forget(self, _: Json) -> None:
        self.calls = []

    def control_set(self, given: Json) -> None:
        for key, value in given.items():
            setattr(self, key, value)

    def control_expire(self, _: Json) -> None:
        """Let every token that was used so far be of no use any more."""
        self.expired |= {place.token for place in self.places.values()}

    def control_ever(self, _: Json) -> int:
        return self.ever

    def control_servers(self, _: Json) -> list[Json]:
        return [{**s, "id": k, "where": p.path} for p in self.places.values() for k, s in p.servers.items()]

    def control_world(self, _: Json) -> dict[str, list[str]]:
        """Return all that exists, past the API: the judge of every test."""
        places = self.places.values()
        kinds = {
            "machine": [each for place in places for each in place.servers],
            "network": [each for place in places for each in place.networks],
            "key-pair": [each for place in places for each in place.keys],
        }
        return {kind: sorted(names) for kind, names in kinds.items() if names}


OWN: dict[str, Any] = {
    "POST /servers": Proxy.create,
    "GET /servers/detail": Proxy.servers,
    "GET /servers/*": Proxy.servers,
    "DELETE /servers/*": Proxy.delete,
    "POST /servers/*/metadata": Proxy.metadata,
    "GET /os-networksv2": Proxy.networks,
    "POST /os-networksv2": Proxy.add_network,
    "DELETE /os-networksv2/*": Proxy.drop_network,
    "POST /os-keypairs": Proxy.add_key,
    "DELETE /os-keypairs/*": Proxy.drop_key,
    "GET /limits": Proxy.get_limits,
}
"""What is not handed on as it is."""


def _strike(faults: list[Json]) -> None:
    for fault in faults:
        if fault.get("reset"):
            raise Reset
        code = "overLimit" if fault["status"] in (413, 429) else "computeFault"
        raise Refusal(fault["status"], code, fault.get("message", "struck"))


def _body(request: Request) -> Any:
    return request.json if request.body else {}
