"""Everything of an owner, in as few calls as there are kinds of things: machines first, then what the tags point to.

One DescribeInstances serves all machines, and comes first: who waits for machines alone need not read on. One
DescribeTags then tells which other kinds exist at all, so that a cluster on an existing network costs two calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision_ec2 import observe, parts, tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Json, Observed, Owner
    from provision_ec2.sdk import Cloud

DESCRIBE = {
    parts.VPC: ("describe_vpcs", "Vpcs", "vpc-id"),
    parts.GATEWAY: ("describe_internet_gateways", "InternetGateways", "internet-gateway-id"),
    parts.ROUTES: ("describe_route_tables", "RouteTables", "route-table-id"),
    parts.SUBNET: ("describe_subnets", "Subnets", "subnet-id"),
    parts.GROUP: ("describe_security_groups", "SecurityGroups", "group-id"),
    parts.KEY: ("describe_key_pairs", "KeyPairs", "key-pair-id"),
    parts.INTERFACE: ("describe_network_interfaces", "NetworkInterfaces", "network-interface-id"),
    parts.VOLUME: ("describe_volumes", "Volumes", "volume-id"),
}
"""By kind: the operation, the list in its answer, and the filter for ids (a filter, unlike an id, may find nothing)."""

VALUES_LIMIT = 200
"""Values in one filter (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html)."""


def everything(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield all machines, then all parts and whatever machines left over.

    Raises:
        ProviderError: EC2 could not be asked.
    """
    items: list[Json] = []
    for item in instances(cloud, owner):
        items.append(item)
        yield observe.machine(item)
    yield from _others(cloud, owner, items)


def instances(cloud: Cloud, owner: Owner | None, *, everybody: bool = False) -> Iterator[Json]:
    """Yield the instances that exist, as EC2 describes them; with `everybody` also those that are not ours."""
    alive = {"Name": "instance-state-name", "Values": list(observe.ALIVE)}
    filters = [*([] if everybody else tags.filters(owner)), alive]
    pages = cloud.pages("describe_instances", "Reservations", Filters=filters, MaxResults=1000)
    for reservation in pages:
        yield from reservation["Instances"]


def described(cloud: Cloud, kind: str, filters: Sequence[Json]) -> list[Json]:
    """Return all things of a kind that pass the filters."""
    operation, key, _ = DESCRIBE[kind]
    if kind == parts.KEY:  # the one call of these that has no pages
        answer: list[Json] = cloud.call(operation, Filters=list(filters)).get(key, [])
        return answer
    return list(cloud.pages(operation, key, Filters=list(filters)))


def _others(cloud: Cloud, owner: Owner | None, items: Sequence[Json]) -> Iterator[Observed]:
    held = {number for item in items for number in observe.attached(item)}
    found: dict[str, list[Json]] = {}
    for kind, numbers in _tagged(cloud, owner).items():
        apart = sorted(numbers - held)
        name = DESCRIBE[kind][2]
        found[kind] = [
            item
            for start in range(0, len(apart), VALUES_LIMIT)
            for item in described(
                cloud, kind, [{"Name": name, "Values": apart[start : start + VALUES_LIMIT]}, *tags.filters(owner)]
            )
        ]
    used = _used(items)
    for kind in parts.KINDS:
        for item in filter(loose, found.get(kind, [])):
            yield observe.part(kind, item, _half_made(kind, item, found.get(parts.ROUTES, []), used))


def _tagged(cloud: Cloud, owner: Owner | None) -> dict[str, set[str]]:
    """Return the ids of all tagged things that are not instances, by kind."""
    key, value = (tags.UID, owner.uid) if owner and owner.uid else (tags.CLUSTER, owner.cluster if owner else "")
    filters = [
        {"Name": "key", "Values": [key]},
        {"Name": "resource-type", "Values": list(parts.KINDS)},
        *([{"Name": "value", "Values": [value]}] if value else []),
    ]
    numbers: dict[str, set[str]] = {}
    for row in cloud.pages("describe_tags", "Tags", Filters=filters, MaxResults=1000):
        numbers.setdefault(row["ResourceType"], set()).add(row["ResourceId"])
    return numbers


def loose(item: Json) -> bool:
    """Tell volumes and interfaces without a machine from those whose machine a lagging read does not show."""
    state = item.get("Status") if "NetworkInterfaceId" in item else item.get("State") if "VolumeId" in item else None
    return state in (None, "available", "error")


def _used(items: Sequence[Json]) -> set[str]:
    interfaces = [interface for item in items for interface in item.get("NetworkInterfaces", [])]
    return {i.get("SubnetId", "") for i in interfaces} | {g["GroupId"] for i in interfaces for g in i.get("Groups", [])}


def _half_made(kind: str, item: Json, tables: list[Json], used: set[str]) -> str:
    """Say what an unfinished part lacks. One that machines use was whole once: what it lacks now, somebody took."""
    busy = item[observe.ID_FIELDS[kind]] in used or (kind == parts.ROUTES and used and item.get("Associations"))
    return "" if busy else observe.lacks(kind, item, tables)
