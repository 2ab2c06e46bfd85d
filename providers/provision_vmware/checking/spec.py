"""What can be said of a cluster without asking anybody: names, sizes, zones, addresses, and what a host cannot do."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision.providing.checking import error, warning, where
from provision_vmware import channel, parts, size
from provision_vmware.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import MachineWanted
    from provision_vmware.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Yield what is wrong with the spec itself."""
    seen: set[tuple[str, str]] = set()
    for machine in view.wanted.machines:
        for finding in (*_size(machine), *_zones(machine), *_payload(machine), *_image(view, machine)):
            if (finding.code, machine.pool) not in seen:
                seen.add((finding.code, machine.pool))
                yield finding
    yield from _name(view)
    yield from _addresses(view)
    yield from _host(view)


def _size(machine: MachineWanted) -> Iterator[Diagnostic]:
    for problem in size.parse(machine.size)[1]:
        path = where(machine, *filter(None, ("size", problem.key)))
        yield error("PV569", problem.message, path, problem.hint)


def _zones(machine: MachineWanted) -> Iterator[Diagnostic]:
    if machine.zones:
        hint = "set the option `resource_pool` for the pool: one for each compute cluster"
        yield error("PV572", "vSphere has no zones", where(machine, "zones"), hint)


def _payload(machine: MachineWanted) -> Iterator[Diagnostic]:
    if machine.payload_size > channel.LIMIT:
        message = f"{machine.name}: its first-boot config takes up to {machine.payload_size:,} bytes, packed"
        hint = f"guestinfo holds {channel.LIMIT:,}: fetch large files by URL with a verification hash"
        yield error("PV572", message, where(machine, "config"), hint)


def _image(view: View, machine: MachineWanted) -> Iterator[Diagnostic]:
    settings = view.options(machine)
    if settings.datastore and settings.datastore_cluster:
        hint = "name one of them where the pool's options lie over the cluster's"
        message = f"{machine.name}: both a datastore and a datastore cluster are named"
        yield error("PV567", message, where(machine, "options"), hint)


def _name(view: View) -> Iterator[Diagnostic]:
    longest = len(parts.rule_name(view.wanted.labels.whose))
    if not view.settings.esxi and longest > parts.NAME_LIMIT:
        most = parts.NAME_LIMIT - (longest - len(view.wanted.cluster))
        message = f"the cluster's name is too long: vSphere's names hold {parts.NAME_LIMIT} characters"
        yield error("PV572", message, ("cluster",), f"take {most} at most, since the uid is added")


def _addresses(view: View) -> Iterator[Diagnostic]:
    if not view.settings.planned:
        return
    path = (*OPTIONS, "addresses", "gateway")
    try:
        gateway = IPv4Interface(view.settings.addresses.gateway)
    except ValueError as problem:
        yield error("PV573", f"not a gateway: {problem}", path, "write it with its prefix, such as 10.20.0.1/24")
        return
    subnet = IPv4Network(view.wanted.subnet) if view.wanted.subnet else gateway.network
    if not subnet.subnet_of(gateway.network):
        message = f"network.subnet {subnet} is not within the gateway's network {gateway.network}"
        yield error("PV573", message, path, "machines could not reach it: use a range of that network")
    for machine in view.wanted.machines:
        if machine.address and IPv4Address(machine.address) == gateway.ip:
            message = f"{machine.name} has the gateway's address {gateway.ip}"
            yield error("PV573", message, ("machines", machine.name, "address"), "give it another one")
        if machine.os not in ("", "fcos"):
            yield warning(
                "PV573",
                f"{machine.os} takes the planned address for its first boot only",
                where(machine, "os"),
                "write a network unit for the running system into the node config; the VMware how-to has one",
            )
            return


def _host(view: View) -> Iterator[Diagnostic]:
    if not view.settings.esxi:
        return
    path = (*OPTIONS, "esxi")
    linked = next((m for m in view.wanted.machines if view.options(m).linked_clone), None)
    if linked:
        yield error("PV574", "a standalone host makes no linked clones", where(linked, "options", "linked_clone"))
    pods = next((m for m in view.wanted.machines if view.options(m).datastore_cluster), None)
    if pods:
        yield error("PV574", "a standalone host has no datastore clusters", where(pods, "options", "datastore_cluster"))
    if sum(machine.etcd for machine in view.wanted.machines) > 1:
        message = "all etcd members run on this one host: they fail together"
        yield Diagnostic("PV574", message, Severity.WARNING, path, hint="use a vCenter with several hosts")
