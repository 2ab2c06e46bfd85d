"""moto's app with EC2's own strictness around it, and faults on demand.

What it adds: client tokens are honoured and mismatches refused, the rules of `rules`, tags on network interfaces,
faults (`faults`), a log of all calls. The control side answers under /strict/.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal import moto_api_backend

from tests.emulated.ec2 import query, rules
from tests.emulated.ec2.faults import Faults
from tests.emulated.ec2.query import Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    StartResponse = Callable[[str, list[tuple[str, str]]], Any]


REGION = "us-east-1"


class Strict:
    """WSGI middleware around moto's dispatcher."""

    def __init__(self, moto: Any) -> None:
        self._moto = moto
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._faults = Faults()
        self._tokens: dict[tuple[str, ...], tuple[dict[str, str], bytes]] = {}
        self._calls: list[dict[str, Any]] = []
        self._under_way = 0
        self._quota: float | None = None

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/strict/"):
            return _respond(start, 200, json.dumps(self._control(environ)).encode(), "application/json")
        call = query.read(environ)
        if self._quota is not None and environ.get("HTTP_X_AMZ_TARGET", "").endswith(".GetServiceQuota"):
            quota = {"Quota": {"QuotaName": "Running On-Demand Standard instances", "Value": self._quota}}
            return _respond(start, 200, json.dumps(quota).encode(), "application/x-amz-json-1.1")
        if call is None:
            return self._moto(environ, start)  # type: ignore[no-any-return]
        return self._serve(call, environ, start)

    def _serve(self, call: Call, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()
        with self._lock:
            self._under_way += 1
            entry = {"action": call.action, "code": "", "at_once": self._under_way, "began": began}
            self._calls.append(entry)
        try:
            before, after = self._faults.draw(call, _zone(call))
            before.strike(environ)
            status, body = before.answer(call) or self._answer(call, environ)
            after.strike(environ)
        except Refusal as refusal:
            entry["code"] = refusal.code
            status, body = refusal.status, refusal.body()
        except ConnectionError:
            entry["code"] = "(connection reset)"
            raise
        finally:
            with self._lock:
                self._under_way -= 1
                entry["seconds"] = time.monotonic() - began
        return _respond(start, status, body, "text/xml")

    def _answer(self, call: Call, environ: dict[str, Any]) -> tuple[int, bytes]:
        """Answer one call; one at a time, since moto's models know no locks."""
        with self._lock:
            replayed = self._replayed(call)
            if replayed is not None:
                return 200, replayed
            for rule in rules.RULES.get(call.action, ()):
                rule(call)
            if call.params.get("DryRun") == "true":  # moto obeys some dry runs as if they were none
                raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
            if call.action == "TerminateInstances" and _all_terminated(call, environ):
                return 200, b"<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>"
            status, body = _ask(self._moto, environ)
            if status == 200:
                self._remember(call, body)
                self._finish(call, body)
            return status, body

    def _replayed(self, call: Call) -> bytes | None:
        """Return the answer that a client token had before.

        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html; IdempotentInstanceTerminated:
        https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html
        """
        params = {k: v for k, v in call.params.items() if k != "ClientToken"}
        known = self._tokens.get(_token(call)) if "ClientToken" in call.params else None
        if known is None:
            return None
        if known[0] != params:
            raise Refusal("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent")
        if call.action == "RunInstances" and not set(_ids(known[1])) & {i.id for i in rules.alive(rules.backend(call))}:
            raise Refusal("IdempotentInstanceTerminated", "The instance of this client token has been terminated")
        return known[1]

    def _remember(self, call: Call, body: bytes) -> None:
        if "ClientToken" in call.params:
            params = {k: v for k, v in call.params.items() if k != "ClientToken"}
            self._tokens[_token(call)] = (params, body)

    def _finish(self, call: Call, body: bytes) -> None:
        """Do what moto forgets: tags on network interfaces, termination protection, behaviour on shutdown."""
        if behaviour := call.params.get("InstanceInitiatedShutdownBehavior.Value"):
            number = call.params["InstanceId"]
            rules.backend(call).modify_instance_attribute(number, "instance_initiated_shutdown_behavior", behaviour)
        if call.action != "RunInstances":
            return
        backend, wanted = rules.backend(call), dict(call.tags()).get("network-interface", {})
        for instance in (backend.get_instance(number) for number in _ids(body)):
            backend.create_tags([nic.id for nic in instance.nics.values()], wanted)
            instance.disable_api_termination = call.params.get("DisableApiTermination") == "true"

    def _control(self, environ: dict[str, Any]) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        given = json.loads(body) if body else None
        with self._lock:
            match environ["PATH_INFO"]:
                case "/strict/reset":
                    moto_api_backend.reset()
                    self._forget()
                    self._base = _world()
                case "/strict/faults":
                    self._faults = Faults(given["faults"], given.get("seed", 0))
                case "/strict/baseline":
                    self._calls, self._base = [], _world()
                case "/strict/quota":
                    self._quota = given["value"]
                case "/strict/calls":
                    return self._calls
                case "/strict/tomorrow":  # EC2 forgets client tokens after a day
                    self._tokens = {}
                case "/strict/ever":
                    reservations = rules.ec2_backends[DEFAULT_ACCOUNT_ID][REGION].reservations.values()
                    return sum(len(r.instances) for r in reservations)
                case "/strict/world":
                    return {kind: sorted(ids - self._base[kind]) for kind, ids in _world().items()}
            return None


def _world() -> dict[str, set[str]]:
    """Return all that exists, past the API: the judge of every test."""
    backend = rules.ec2_backends[DEFAULT_ACCOUNT_ID][REGION]
    return {
        "machine": {i.id for i in rules.alive(backend)},
        "volume": set(backend.volumes),
        "network-interface": set(backend.enis),
        "vpc": set(backend.vpcs),
        "subnet": {number for zone in backend.subnets.values() for number in zone},
        "internet-gateway": set(backend.internet_gateways),
        "route-table": set(backend.route_tables),
        "security-group": {number for vpc in backend.groups.values() for number in vpc},
        "key-pair": set(backend.key_pairs),
    }


def _ask(app: Any, environ: dict[str, Any]) -> tuple[int, bytes]:
    status: list[str] = []

    def start(line: str, headers: list[tuple[str, str]], exc: object = None) -> Callable[[bytes], None]:
        status.append(line)
        return lambda data: None

    body = b"".join(app(environ, start))
    return int(status[0].split()[0]), body


def _all_terminated(call: Call, environ: dict[str, Any]) -> bool:
    """Drop what is terminated from the call, since moto fails on it; TerminateInstances may be repeated.

    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    """
    alive = {i.id for i in rules.alive(rules.backend(call))}
    dead = {i.id for r in rules.backend(call).reservations.values() for i in r.instances} - alive
    ids = [number for number in call.params.values() if number.startswith("i-") and number not in dead]
    query.rewrite(environ, call, {f"InstanceId.{n}": number for n, number in enumerate(ids, 1)})
    return not ids


def _respond(start: StartResponse, status: int, body: bytes, kind: str) -> Iterable[bytes]:
    start(f"{status} .", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _ids(body: bytes) -> list[str]:
    return [part.split(b"<")[0].decode() for part in body.split(b"<instanceId>")[1:]]


def _token(call: Call) -> tuple[str, ...]:
    return call.credential, call.region, call.action, call.params["ClientToken"]


def _zone(call: Call) -> str:
    for nic in call.items("NetworkInterface"):
        subnet = rules.subnet_of(call, nic)
        if subnet is not None:
            return str(subnet.availability_zone)
    return call.params.get("Placement.AvailabilityZone", "")
