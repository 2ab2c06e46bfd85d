"""Removing things. Already gone is success; what is still in use is a conflict that passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, State
from provision.provider import Outcome
from provision_openstack import observe, parts
from provision_openstack.listing import PATHS, interfaces
from provision_openstack.shared import unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision.model import Observed
    from provision_openstack.sdk import Cloud


def remove(cloud: Cloud, batch: Sequence[Observed]) -> Iterator[Outcome]:
    """Remove one thing after the other: neither nova nor neutron deletes several with one call."""
    yield from (_removed(cloud, target) for target in batch)


def _removed(cloud: Cloud, target: Observed) -> Outcome:
    try:
        REMOVERS.get(target.kind, _plain)(cloud, target)
    except ProviderError as error:
        if error.kind is not Kind.NOT_FOUND:
            return Outcome(target.name, error=error)
        return Outcome(target.name)
    # Its port and its groups are in use until nova lists it no more.
    return Outcome(target.name, replace(target, state=State.DELETING) if target.kind == MACHINE else None)


def _machine(cloud: Cloud, target: Observed) -> None:
    if target.protected and _still_protected(cloud, target):
        raise ProviderError(
            f"{target.name} ({target.id}) is protected",
            kind=Kind.INVALID,  # it does not pass by itself
            code="Protected",
            hint="set `protect: false` in the spec and run `up`, then remove it",
        )
    cloud.call("compute", "DELETE", f"/servers/{target.id}")


def _still_protected(cloud: Cloud, target: Observed) -> bool:
    # Nova knows of no protection but its lock, under which not even a deadline could be moved: the mark is ours.
    server = cloud.call("compute", "GET", f"/servers/{target.id}")["server"]
    return observe.machine(server).protected


def _router(cloud: Cloud, target: Observed) -> None:
    """Delete a router; one that is still joined to subnets is taken off them first."""
    subnets = target.outputs.get("subnets", "").split() or interfaces(cloud, target.id).get(target.id, [])
    for subnet in subnets:
        path = f"/routers/{target.id}/remove_router_interface"
        unless(Kind.NOT_FOUND, cloud, "network", "PUT", path, {"subnet_id": subnet})
    cloud.call("network", "DELETE", f"/routers/{target.id}")


def _key(cloud: Cloud, target: Observed) -> None:
    cloud.call("compute", "DELETE", f"/os-keypairs/{quote(target.id, safe='')}")


def _server_group(cloud: Cloud, target: Observed) -> None:
    cloud.call("compute", "DELETE", f"/os-server-groups/{target.id.rpartition('/')[2]}")


def _image(cloud: Cloud, target: Observed) -> None:
    cloud.call("image", "DELETE", f"/images/{target.id}")


def _plain(cloud: Cloud, target: Observed) -> None:
    cloud.call("network", "DELETE", f"{PATHS[target.kind][0]}/{target.id}")


REMOVERS: dict[str, Callable[[Cloud, Observed], None]] = {
    MACHINE: _machine,
    parts.ROUTER: _router,
    parts.KEY: _key,
    parts.SERVERS: _server_group,
    parts.IMAGE: _image,
}
