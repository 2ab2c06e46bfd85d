"""The shapes of OpenStack's answers: which fields, of which types, for the calls that the provider makes.

`record` makes the same calls on the real services and on the strict OpenStack. shapes.json is what the real ones
answered (tests/lab/test_openstack.py, written anew with ``--update-golden``); the strict ones must answer alike.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import ProviderError
from tests.emulated.openstack.lab import KEY, PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision_openstack.sdk import Cloud

    Json = dict[str, Any]

FILE = Path(__file__).with_name("shapes.json")
NOWHERE = "00000000-0000-4000-8000-000000000000"
PATIENCE = 120
SOMETIMES = frozenset(("standard_attr_id", "os_hash_algo", "owner_specified.openstack.md5"))
"""Fields that the real services show in some answers to the same call and not in others."""


@dataclass
class Recorder:
    """Makes calls and keeps the shapes of their answers, and the codes of their refusals."""

    cloud: Cloud
    shapes: dict[str, Any] = field(default_factory=dict)

    def call(self, name: str, service: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Make a call that is answered."""
        answer = self.cloud.call(service, method, path, body, **more)
        self.shapes[name] = merged(self.shapes.get(name), shape(answer))
        return answer

    def refused(self, name: str, service: str, method: str, path: str, body: Any = None) -> None:
        """Make a call that is refused."""
        try:
            self.cloud.call(service, method, path, body)
        except ProviderError as error:
            self.shapes[name] = {"kind": str(error.kind), "retryable": error.retryable, "code": error.code}
        else:
            raise AssertionError(f"{name} was not refused")


def record(cloud: Cloud) -> dict[str, Any]:
    """Make every call that the provider makes, and leave nothing behind."""
    r = Recorder(cloud)
    (image,) = r.call("images", "image", "GET", "/images", params={"name": "cirros"})["images"]
    flavors = {f["name"]: f["id"] for f in r.call("flavors", "compute", "GET", "/flavors/detail")["flavors"]}
    r.call("limits", "compute", "GET", "/limits")
    r.call("zones", "compute", "GET", "/os-availability-zone")
    r.call("neutron's quota", "network", "GET", f"/quotas/{cloud.project()}/details.json")
    (public,) = r.call("external", "network", "GET", "/networks", params={"router:external": "true"})["networks"]
    made = dict(_parts(r, public["id"]))
    server = {
        "name": "shape", "imageRef": image["id"], "flavorRef": flavors["m1.tiny"], "config_drive": True,
        "networks": [{"uuid": made["network"], "fixed_ip": "10.98.0.10"}], "metadata": {"provision:token": "one"},
        "security_groups": [{"name": made["group"]}], "user_data": PAYLOAD, "key_name": "provision-shapes",
    }  # fmt: skip
    number = _server(r, server, made)
    _refusals(r, server, flavors, made)
    _floating(r, public["id"], number)
    _away(r, [number], made)
    return r.shapes


def _parts(r: Recorder, public: str) -> Iterator[tuple[str, str]]:
    network = r.call("make a network", "network", "POST", "/networks", {"network": {"name": "s", "description": "d"}})
    yield "network", network["network"]["id"]
    cidr = {"cidr": "10.98.0.0/24", "ip_version": 4, "network_id": network["network"]["id"], "name": "s"}
    pools = [{"start": "10.98.0.128", "end": "10.98.0.254"}]
    body = {"subnet": {**cidr, "description": "d", "allocation_pools": pools}}
    subnet = r.call("make a subnet", "network", "POST", "/subnets", body)["subnet"]["id"]
    r.refused("make it twice", "network", "POST", "/subnets", body)
    yield "subnet", subnet
    gateway = {"name": "s", "description": "d", "external_gateway_info": {"network_id": public}}
    router = r.call("make a router", "network", "POST", "/routers", {"router": gateway})["router"]["id"]
    yield "router", router
    join = f"/routers/{router}/add_router_interface"
    r.call("join", "network", "PUT", join, {"subnet_id": subnet})
    r.refused("join twice", "network", "PUT", join, {"subnet_id": subnet})
    body = {"security_group": {"name": "s", "description": "d"}}
    group = r.call("make a group", "network", "POST", "/security-groups", body)["security_group"]["id"]
    yield "group", group
    ours = {"security_group_id": group, "direction": "ingress", "ethertype": "IPv4"}
    ssh = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "203.0.113.0/24"}
    rules = {"security_group_rules": [{**ours, "remote_group_id": group}, {**ours, **ssh}]}
    r.call("make rules", "network", "POST", "/security-group-rules", rules)
    r.refused("make rules twice", "network", "POST", "/security-group-rules", rules)
    key = {"keypair": {"name": "provision-shapes", "public_key": KEY}}
    r.call("import a key", "compute", "POST", "/os-keypairs", key)
    r.refused("import it twice", "compute", "POST", "/os-keypairs", key)
    apart = {"server_group": {"name": "s", "policy": "soft-anti-affinity"}}
    yield "apart", r.call("make a server group", "compute", "POST", "/os-server-groups", apart)["server_group"]["id"]
    for name, service, path in (
        ("networks", "network", "/networks"), ("subnets", "network", "/subnets"), ("routers", "network", "/routers"),
        ("groups", "network", "/security-groups"), ("ports", "network", "/ports"),
        ("key pairs", "compute", "/os-keypairs"), ("server groups", "compute", "/os-server-groups"),
        ("key pair", "compute", "/os-keypairs/provision-shapes"), ("group", "network", f"/security-groups/{group}"),
    ):  # fmt: skip
        r.call(name, service, "GET", path)


def _server(r: Recorder, server: Json, made: Json) -> str:
    whole = {"server": server, "os:scheduler_hints": {"group": made["apart"]}}
    number: str = r.call("make a server", "compute", "POST", "/servers", whole)["server"]["id"]
    r.call("servers being built", "compute", "GET", "/servers/detail")
    path = f"/servers/{number}"
    _until(lambda: r.cloud.call("compute", "GET", path)["server"]["status"] == "ACTIVE")
    r.call("servers", "compute", "GET", "/servers/detail")
    r.call("server", "compute", "GET", path)
    r.call("change metadata", "compute", "POST", f"{path}/metadata", {"metadata": {"provision:expires": "never"}})
    r.call("console", "compute", "POST", f"{path}/action", {"os-getConsoleOutput": {}})
    r.refused("switch on what is on", "compute", "POST", f"{path}/action", {"os-start": None})
    return number


def _refusals(r: Recorder, server: Json, flavors: Json, made: Json) -> None:
    def refused(name: str, **changes: Any) -> None:
        r.refused(name, "compute", "POST", "/servers", {"server": {**server, **changes}})

    free = [{"uuid": made["network"]}]
    refused("no such flavor", flavorRef=NOWHERE)
    refused("no such image", imageRef=NOWHERE)
    refused("no such network", networks=[{"uuid": NOWHERE}])
    refused("no such key", key_name="nobody's")
    refused("no such group", security_groups=[{"name": NOWHERE}])
    refused("no such zone", availability_zone="nowhere")
    refused("too long", user_data="A" * 65_540, networks=free)
    refused("an unknown field", colour="red")
    refused("bad metadata", metadata={"a/b": "c"})
    refused("above the quota", min_count=1000, max_count=1000, networks=free)
    for kind in ("network", "subnet", "router", "group"):
        where = "security-groups" if kind == "group" else f"{kind}s"
        r.refused(f"delete a {kind} in use", "network", "DELETE", f"/{where}/{made[kind]}")
        r.refused(f"delete no {kind}", "network", "DELETE", f"/{where}/{NOWHERE}")
    r.refused("delete no server", "compute", "DELETE", f"/servers/{NOWHERE}")
    r.refused("delete no key", "compute", "DELETE", "/os-keypairs/nobody")
    r.refused("delete no server group", "compute", "DELETE", f"/os-server-groups/{NOWHERE}")
    r.refused("no image", "image", "GET", f"/images/{NOWHERE}")
    nowhere = {"server": {**server, "flavorRef": flavors["m1.giant"], "networks": free, "name": "lost"}}
    lost = r.cloud.call("compute", "POST", "/servers", nowhere)["server"]["id"]
    path = f"/servers/{lost}"
    _until(lambda: r.cloud.call("compute", "GET", path)["server"]["status"] == "ERROR")
    r.call("a server in error", "compute", "GET", path)
    r.cloud.call("compute", "DELETE", path)


def _floating(r: Recorder, public: str, server: str) -> None:
    (port,) = r.cloud.call("network", "GET", "/ports", params={"device_id": server})["ports"]
    body = {"floatingip": {"floating_network_id": public, "port_id": port["id"], "description": "d"}}
    number = r.call("make a floating address", "network", "POST", "/floatingips", body)["floatingip"]["id"]
    r.call("floating addresses", "network", "GET", "/floatingips")
    change = {"floatingip": {"description": "e"}}
    r.call("change a floating address", "network", "PUT", f"/floatingips/{number}", change)
    r.cloud.call("network", "DELETE", f"/floatingips/{number}")


def _away(r: Recorder, servers: list[str], made: Json) -> None:
    for number in servers:
        r.cloud.call("compute", "DELETE", f"/servers/{number}")
    _until(lambda: not r.cloud.call("compute", "GET", "/servers/detail")["servers"])
    part = f"/routers/{made['router']}/remove_router_interface"
    r.call("part", "network", "PUT", part, {"subnet_id": made["subnet"]})
    r.refused("part twice", "network", "PUT", part, {"subnet_id": made["subnet"]})
    r.cloud.call("network", "DELETE", f"/routers/{made['router']}")
    r.cloud.call("network", "DELETE", f"/networks/{made['network']}")
    r.cloud.call("network", "DELETE", f"/security-groups/{made['group']}")
    r.cloud.call("compute", "DELETE", "/os-keypairs/provision-shapes")
    r.cloud.call("compute", "DELETE", f"/os-server-groups/{made['apart']}")


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def shape(value: Any) -> Any:
    """Return the fields of a value and the types of what is in them; a list's items are laid over each other."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        whole: Any = None
        for item in value:
            whole = merged(whole, shape(item))
        return [] if whole is None else [whole]
    return "null" if value is None else type(value).__name__


def merged(one: Any, other: Any) -> Any:
    """Lay two shapes over each other."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merged(one.get(key), other.get(key)) for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0], other[0])] if one and other else one or other
    return other if one in (None, "null", []) else one


def differences(real: Any, ours: Any, where: str = "") -> Iterator[str]:
    """Yield where a shape of ours differs from the real one; what one of them shows as null, or empty, says nothing."""
    if isinstance(real, dict) and isinstance(ours, dict):
        for key in {**real, **ours}:
            if key in SOMETIMES or key.startswith("owner_specified"):
                continue
            if key not in real or key not in ours:
                yield f"{where}.{key} is only {'ours' if key in ours else 'real'}"
            else:
                yield from differences(real[key], ours[key], f"{where}.{key}")
    elif isinstance(real, list) and isinstance(ours, list):
        if real and ours:
            yield from differences(real[0], ours[0], f"{where}[]")
    elif real != ours and "null" not in (real, ours):
        yield f"{where}: really {real}, ours {ours}"
