"""Everything of an owner: all servers with one call, which comes first, then one call for each kind of part.

Who waits for machines alone need not read on. Nova filters by metadata, but servers that no host has yet taken on pass
every filter, so what comes is looked at again. Neutron cannot filter by part of a description at all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.model import Labels
from provision_openstack import labels, observe, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Observed, Owner
    from provision_openstack.sdk import Cloud

PATHS = {
    parts.NETWORK: ("/networks", "networks"),
    parts.SUBNET: ("/subnets", "subnets"),
    parts.ROUTER: ("/routers", "routers"),
    parts.GROUP: ("/security-groups", "security_groups"),
    parts.FLOATING: ("/floatingips", "floatingips"),
}
"""By kind: neutron's path, and the list in its answer."""

INTERFACES = (
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
)
"""Owners of the ports by which a router is joined to subnets."""


def everything(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield all machines, then all parts.

    Raises:
        ProviderError: OpenStack could not be asked.
    """
    yield from machines(cloud, owner)
    yield from _floating(cloud, owner)
    yield from _routers(cloud, owner)
    for kind in (parts.SUBNET, parts.NETWORK):
        yield from (observe.part(kind, item, ours) for item, ours in described(cloud, kind, owner))
    for item, ours in described(cloud, parts.GROUP, owner):
        whole = observe.within(item["security_group_rules"], item["id"])
        yield observe.part(parts.GROUP, item, ours, "" if whole else "without its rules")
    yield from unlabelled(cloud, owner)
    yield from images(cloud, owner)


def machines(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield the servers of an owner, errors and those that are being deleted included."""
    for item in servers(cloud, _filter(owner)):
        found = observe.machine(item)
        if labels.is_of(owner, found.labels):
            yield found


def by_token(cloud: Cloud, token: str) -> list[Json]:
    """Return the servers that a token has made, in the order of their numbers."""
    items = servers(cloud, {labels.TOKEN: token})
    mine = [item for item in items if item.get("metadata", {}).get(labels.TOKEN) == token]
    return sorted(mine, key=observe.number)


def servers(cloud: Cloud, marks: dict[str, str]) -> Iterator[Json]:
    """Yield the servers that may carry the metadata; see the head of this file."""
    return cloud.pages("compute", "/servers/detail", "servers", **({"metadata": json.dumps(marks)} if marks else {}))


def described(cloud: Cloud, kind: str, owner: Owner | None) -> Iterator[tuple[Json, Labels]]:
    """Yield neutron's things of a kind whose description says that they are an owner's, with their labels."""
    path, key = PATHS[kind]
    for item in cloud.pages("network", path, key):
        ours = labels.described(item.get("description"))
        if ours is not None and labels.is_of(owner, ours):
            yield item, ours


def images(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield the images that were uploaded for an owner."""
    marks = {f"{Labels.PREFIX}uid": owner.uid} if owner and owner.uid else {}
    for item in cloud.pages("image", "/images", "images", visibility="private", **marks):
        ours = labels.read(item)
        if labels.is_of(owner, ours) and ours is not None:
            ready = item.get("status") == "active"
            yield observe.part(parts.IMAGE, item, ours, "" if ready else f"it is {item.get('status')}")


def unlabelled(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield what its name alone tells apart: the user's key pairs, the project's server groups."""
    for entry in cloud.call("compute", "GET", "/os-keypairs").get("keypairs", []):
        if _is_named(entry["keypair"]["name"], owner):
            yield observe.key_pair(entry["keypair"])
    for item in cloud.call("compute", "GET", "/os-server-groups").get("server_groups", []):
        if _is_named(item["name"], owner):
            yield observe.server_group(item)


def _floating(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    for item, ours in described(cloud, parts.FLOATING, owner):
        lost = "" if item.get("port_id") else "its machine is gone"
        yield observe.part(parts.FLOATING, item, ours, lost, address=item["floating_ip_address"])


def _routers(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    found = list(described(cloud, parts.ROUTER, owner))
    if not found:
        return
    joined = interfaces(cloud)
    for item, ours in found:
        subnets = joined.get(item["id"], ())
        yield observe.part(
            parts.ROUTER, item, ours, "" if subnets else "not joined to its subnet", subnets=" ".join(subnets)
        )


def interfaces(cloud: Cloud, router: str = "") -> dict[str, list[str]]:
    """Return the subnets that routers are joined to, by the router's id."""
    joined: dict[str, list[str]] = {}
    marks = {"device_id": router} if router else {}
    for port in cloud.pages("network", "/ports", "ports", device_owner=list(INTERFACES), **marks):
        subnets = [fixed["subnet_id"] for fixed in port.get("fixed_ips", [])]
        joined.setdefault(port["device_id"], []).extend(subnets)
    return joined


def _filter(owner: Owner | None) -> dict[str, str]:
    if owner is None:
        return {}
    wanted = {"cluster": owner.cluster, "uid": owner.uid}
    return {f"{Labels.PREFIX}{key}": value for key, value in wanted.items() if value}


def _is_named(text: str, owner: Owner | None) -> bool:
    found = labels.named(text)
    return found is not None and labels.whose(owner, found[0], found[1])
