"""Making parts, one function for each kind.

A part may take two calls, and a call may have been made before and its answer lost. So each function first finds or
makes its thing, then does what is still missing; sent again, it ends in the same state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.provider import Outcome
from provision_openstack import labels, listing, machines, observe, parts, upload
from provision_openstack.making import turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision.model import Json, Observed, Request
    from provision_openstack.finding import Catalogue
    from provision_openstack.sdk import Cloud

    Maker = Callable[["Tools", Request], Observed]


class Tools:
    """What makers need."""

    def __init__(self, cloud: Cloud, catalogue: Catalogue, cache: Path) -> None:
        self.cloud, self.catalogue, self.cache = cloud, catalogue, cache


def part(tools: Tools, request: Request) -> Outcome:
    """Make one part, or finish it."""
    try:
        with turn(request.token):
            return Outcome(request.name, observed=MAKERS[request.kind](tools, request))
    except ProviderError as error:
        return Outcome(request.name, error=error)


def _network(tools: Tools, request: Request) -> Observed:
    return observe.part(parts.NETWORK, _find_or_make(tools, request, {}), request.labels)


def _subnet(tools: Tools, request: Request) -> Observed:
    nameservers, (first, last) = request.body["nameservers"], request.body["pool"]
    fields = {
        "network_id": _input(request, parts.NETWORK),
        "ip_version": 4,
        "cidr": request.body["cidr"],
        "allocation_pools": [{"start": first, "end": last}],
        **({"dns_nameservers": nameservers} if nameservers else {}),
    }
    return observe.part(parts.SUBNET, _find_or_make(tools, request, fields), request.labels)


def _router(tools: Tools, request: Request) -> Observed:
    external = tools.catalogue.external(request.body["external"])["id"]
    item = _find_or_make(tools, request, {"external_gateway_info": {"network_id": external}})
    subnet = _input(request, parts.SUBNET)
    path = f"/routers/{item['id']}/add_router_interface"
    unless(Kind.ALREADY_EXISTS, tools.cloud, "network", "PUT", path, {"subnet_id": subnet})
    return observe.part(parts.ROUTER, item, request.labels, subnets=subnet)


def _group(tools: Tools, request: Request) -> Observed:
    item = _find_or_make(tools, request, {})
    wanted = [within(item["id"]), *(ssh(item["id"], cidr) for cidr in request.body["ssh_from"])]
    allow(tools.cloud, wanted, item["security_group_rules"])
    return observe.part(parts.GROUP, item, request.labels)


def _key(tools: Tools, request: Request) -> Observed:
    # The name is unique among the user's keys, and holds the cluster's uid.
    name = labels.name(request.labels.whose)
    body = {"keypair": {"name": name, "public_key": request.body["public_key"]}}
    unless(Kind.ALREADY_EXISTS, tools.cloud, "compute", "POST", "/os-keypairs", body)
    return observe.key_pair({"name": name})


def _server_group(tools: Tools, request: Request) -> Observed:
    name = labels.name(request.labels.whose, request.body["group"])
    for item in tools.cloud.call("compute", "GET", "/os-server-groups").get("server_groups", []):
        if item["name"] == name:
            return observe.server_group(item)
    body = {"server_group": {"name": name, "policy": request.body["policy"]}}
    return observe.server_group(tools.cloud.call("compute", "POST", "/os-server-groups", body)["server_group"])


def _floating(tools: Tools, request: Request) -> Observed:
    server = machines.input_of(request, request.body["machine"])
    external = tools.catalogue.external(request.body["external"])["id"]
    port = _port(tools.cloud, server, request.name)
    fields = {"floating_network_id": external, "port_id": port}
    item = _find_or_make(tools, request, fields)
    if item.get("port_id") != port:
        body = {"floatingip": {"port_id": port}}
        item = tools.cloud.call("network", "PUT", f"/floatingips/{item['id']}", body)["floatingip"]
    return observe.part(parts.FLOATING, item, request.labels, address=item["floating_ip_address"])


def _image(tools: Tools, request: Request) -> Observed:
    item = upload.image(tools.cloud, request, tools.cache)
    return observe.part(parts.IMAGE, item, request.labels)


MAKERS: dict[str, Maker] = {
    parts.IMAGE: _image,
    parts.KEY: _key,
    parts.SERVERS: _server_group,
    parts.NETWORK: _network,
    parts.SUBNET: _subnet,
    parts.ROUTER: _router,
    parts.GROUP: _group,
    parts.FLOATING: _floating,
}

SINGULAR = {
    parts.NETWORK: "network",
    parts.SUBNET: "subnet",
    parts.ROUTER: "router",
    parts.GROUP: "security_group",
    parts.FLOATING: "floatingip",
}
"""What neutron calls one thing of a kind in its bodies."""


def within(group: str) -> Json:
    """Return the rule that lets a group's machines reach each other at every port, etcd's 2379 and 2380 among them.

    Nobody else gets to these ports: a security group refuses what no rule allows.
    """
    return {"security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "remote_group_id": group}


def ssh(group: str, cidr: str) -> Json:
    """Return the rule that lets a network reach port 22."""
    return {
        "security_group_id": group,
        "direction": "ingress",
        "ethertype": "IPv6" if ":" in cidr else "IPv4",
        "protocol": "tcp",
        "port_range_min": 22,
        "port_range_max": 22,
        "remote_ip_prefix": cidr,
    }


def allow(cloud: Cloud, wanted: list[Json], present: list[Json]) -> None:
    """Make the rules that are missing, with one call: neutron takes all of them or none."""
    missing = [rule for rule in wanted if not any(rule.items() <= known.items() for known in present)]
    if missing:
        cloud.call("network", "POST", "/security-group-rules", {"security_group_rules": missing})


def unless(kind: Kind, cloud: Cloud, service: str, method: str, path: str, body: Json | None = None) -> None:
    """Make a call, and take one kind of refusal for success."""
    try:
        cloud.call(service, method, path, body)
    except ProviderError as error:
        if error.kind is not kind:
            raise


def _find_or_make(tools: Tools, request: Request, fields: Json) -> Json:
    """Return ours, or make it: neutron's names are not unique, and no key protects a call."""
    ours = request.labels
    for known, found in listing.described(tools.cloud, request.kind, ours.whose):
        if (found.machine, found.generation) == (ours.machine, ours.generation):
            return known
    path, single = listing.PATHS[request.kind][0], SINGULAR[request.kind]
    named = {} if request.kind == parts.FLOATING else {"name": labels.name(ours.whose)}
    body = {single: {**named, "description": labels.description(ours), **fields}}
    item: Json = tools.cloud.call("network", "POST", path, body)[single]
    return item


def _input(request: Request, kind: str) -> str:
    found = machines.input_of(request, parts.part_name(kind))
    if not found:
        raise ProviderError(f"{request.name} was not told the id of its {kind}", kind=Kind.INVALID, code="NoInput")
    return found


def _port(cloud: Cloud, server: str, name: str) -> str:
    for port in cloud.pages("network", "/ports", "ports", device_id=server):
        if any(":" not in fixed["ip_address"] for fixed in port.get("fixed_ips", [])):
            return str(port["id"])
    message = f"{name}: its machine has no port yet"
    raise ProviderError(message, kind=Kind.NOT_YET_VISIBLE, retryable=True, code="NoPort")
