"""Everything of an owner: one aggregated list serves all machines in all zones, and comes first.

Who waits for machines alone need not read on. Then come disks that machines left behind, and the parts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.model import State
from provision_gce import labels, observe, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provision.model import Json, Labels, Observed, Owner
    from provision_gce.sdk import Cloud

STOPPING = "STOPPING"
NEW = ("CREATING", "RESTORING")
"""States of a disk whose machine may not show it yet."""


def everything(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield all machines, then what they left over, then all parts.

    Raises:
        ProviderError: GCE could not be asked.
    """
    yield from machines(cloud, owner)
    for item in cloud.items("disks.aggregatedList", filter=labels.wanted(owner)):
        found = observe.disk(item)
        if labels.belongs(found.labels, owner) and loose(item):
            yield found
    yield from _parts(cloud, owner)


def machines(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield the machines of an owner, or of all owners."""
    found = read(cloud, cloud.items("instances.aggregatedList", filter=labels.wanted(owner)))
    yield from (machine for machine in found if labels.belongs(machine.labels, owner))


def read(cloud: Cloud, items: Iterable[Json]) -> Iterator[Observed]:
    """Read instances, and tell those that are being deleted from those that are being stopped.

    Raises:
        ProviderError: GCE could not be asked.
    """
    going: set[str] | None = None
    for item in items:
        found = observe.machine(item)
        if item.get("status") == STOPPING:
            going = _going(cloud) if going is None else going
        yield replace(found, state=State.DELETING) if going and found.id in going else found


def _going(cloud: Cloud) -> set[str]:
    """Return the numbers of what is being deleted: a machine says STOPPING whether it is to stay or not."""
    under_way = '(operationType = "delete") AND (status != "DONE")'
    return {each.get("targetId", "") for each in cloud.items("globalOperations.aggregatedList", filter=under_way)}


def loose(disk: Json) -> bool:
    """Tell a disk without a machine from one whose machine is about to show."""
    return not disk.get("users") and disk.get("status") not in NEW


def _parts(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    uid = owner.uid if owner and owner.uid else "[0-9a-f-]{36}"
    named = {"filter": f'name eq "provision-{uid}-.*"'}
    rules = _ours(cloud.items("firewalls.list", **named), owner)
    networks = _ours(cloud.items("networks.list", **named), owner)
    # A subnetwork of ours is in a network of ours.
    within = _ours(cloud.items("subnetworks.aggregatedList", **named), owner) if networks else []
    for kind, found in ((parts.NETWORK, networks), (parts.SUBNETWORK, within), (parts.FIREWALL, rules)):
        for item, own in found:
            yield observe.part(kind, item, _as_of_now(own, rules))


def _ours(items: Iterator[Json], owner: Owner | None) -> list[tuple[Json, Labels]]:
    read = ((item, labels.from_description(item.get("description", ""))) for item in items)
    return [(item, found) for item, found in read if found and labels.belongs(found, owner)]


def _as_of_now(own: Labels, rules: list[tuple[Json, Labels]]) -> Labels:
    """Return a part's labels with what may change in a cluster's life as its firewall rules say it.

    The description of a network is as it was made with; that of a rule can be altered.
    """
    newest = next((found for _, found in rules if found.uid == own.uid), own)
    if any(found is own for _, found in rules):
        return own
    return replace(own, owner=newest.owner, expires=newest.expires, spec=newest.spec)
