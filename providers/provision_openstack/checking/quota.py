"""Whether the project's quotas have room for what is not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.model import MACHINE, Owner
from provision.providing.checking import error
from provision_openstack import listing, parts
from provision_openstack.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.diagnostics import Diagnostic
    from provision.model import MachineWanted
    from provision_openstack.checking.view import View

HINT = "ask for a larger quota, or remove what is not needed; servers in ERROR count too"

NEUTRON = {
    parts.NETWORK: "network",
    parts.SUBNET: "subnet",
    parts.ROUTER: "router",
    parts.GROUP: "security_group",
    parts.FLOATING: "floatingip",
}
"""What neutron calls the quota of a kind."""


def compute(view: View) -> Iterator[Diagnostic]:
    """Check instances, cores, memory, server groups."""
    absolute = view.cloud.call("compute", "GET", "/limits")["limits"]["absolute"]
    owner = Owner(view.wanted.cluster, view.wanted.uid)
    there = {o.name for o in listing.machines(view.cloud, owner)}
    new = [machine for machine in view.wanted.machines if machine.name not in there]
    sizes = [view.flavors[str(m.size)] for m in new if str(m.size) in view.flavors]
    groups = sum(1 for part in parts.requests(view.wanted, view.settings) if part.kind == parts.SERVERS)
    needed = {
        "instances": (len(new), "Instances"),
        "cores": (sum(flavor["vcpus"] for flavor in sizes), "Cores"),
        "MiB of memory": (sum(flavor["ram"] for flavor in sizes), "RAMSize"),
    }
    for what, (count, name) in needed.items():
        used = "totalRAMUsed" if name == "RAMSize" else f"total{name}Used"
        yield from _room(what, count, absolute.get(f"maxTotal{name}", -1), absolute.get(used, 0))
    if not there:
        used = absolute.get("totalServerGroupsUsed", 0)
        yield from _room("server groups", groups, absolute.get("maxServerGroups", -1), used)
    yield from _members(view.wanted.machines, view, absolute.get("maxServerGroupMembers", -1))


def network(view: View) -> Iterator[Diagnostic]:
    """Check networks, subnets, routers, security groups, floating addresses and ports."""
    quota = view.cloud.call("network", "GET", f"/quotas/{view.project}/details.json")["quota"]
    owner = Owner(view.wanted.cluster, view.wanted.uid)
    wanted = [part for part in parts.requests(view.wanted, view.settings) if part.kind in NEUTRON]
    for kind, name in NEUTRON.items():
        names = {part.name for part in wanted if part.kind == kind}
        entry = quota.get(name)
        if names and entry:
            names -= {ours.machine for _, ours in listing.described(view.cloud, kind, owner)}
            yield from _room(name.replace("_", " ") + "s", len(names), entry["limit"], _used(entry))
    entry = quota.get("port")
    if entry:
        there = {o.name for o in listing.machines(view.cloud, owner) if o.kind == MACHINE}
        new = [machine for machine in view.wanted.machines if machine.name not in there]
        yield from _room("ports", len(new), entry["limit"], _used(entry))


def _used(entry: Mapping[str, int]) -> int:
    return entry.get("used", 0) + entry.get("reserved", 0)


def _members(machines: tuple[MachineWanted, ...], view: View, limit: int) -> Iterator[Diagnostic]:
    counts: dict[str, int] = {}
    for machine in machines:
        if group := view.options(machine).server_group:
            counts[group.name] = counts.get(group.name, 0) + 1
    for name, count in counts.items():
        yield from _room(f"members of the server group {name}", count, limit, 0)


def _room(what: str, count: int, limit: int, used: int) -> Iterator[Diagnostic]:
    if limit >= 0 and count > 0 and used + count > limit:
        message = f"the cluster needs {count} more {what}, and {used} of {limit} are in use"
        yield error("PV556", message, OPTIONS, HINT)
