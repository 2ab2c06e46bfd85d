"""What can be told without asking GCE: sizes of payloads, names, zones, deadlines, addresses. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from provision.providing.checking import error, named, payload, warning, where
from provision_gce import deadlines, labels, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_gce.checking.view import View

PAYLOAD_LIMIT = 262_144
NEVER = "never"
SMALLEST = 29
"""The smallest primary range of a subnetwork (https://cloud.google.com/vpc/docs/subnets#valid-ranges)."""


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what the spec says by itself."""
    yield from _machines(view)
    yield from _labels(view)
    yield from _deadline(view)
    yield from _protection(view)
    if not view.settings.network:
        yield from _addresses(view)


def assignable(address: str, block: IPv4Network) -> bool:
    """Tell whether a machine may have an address.

    GCE keeps the first two and the last two of each range:
    https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet
    """
    number = IPv4Address(address)
    return number in block and 2 <= int(number) - int(block.network_address) < block.num_addresses - 2


def _machines(view: View) -> Iterator[Diagnostic]:
    for machine in view.wanted.machines:
        yield from payload("PV546", machine, PAYLOAD_LIMIT, "bytes", "a metadata value")
        yield from named("PV546", machine, "an instance")
    for machine in {m.pool: m for m in view.wanted.machines if not m.zones}.values():
        yield error(
            "PV541",
            f"pool {machine.pool} names no zones",
            where(machine, "zones"),
            f"write such as `zones: [{view.settings.region}-b, {view.settings.region}-c]`",
        )


def _labels(view: View) -> Iterator[Diagnostic]:
    count = len(labels.written(view.wanted.labels, "token"))
    if count > labels.LABEL_LIMIT:
        yield error("PV546", f"the owner takes {count} labels; an instance holds {labels.LABEL_LIMIT}", ("owner",))


def _deadline(view: View) -> Iterator[Diagnostic]:
    wanted = view.wanted.labels
    if wanted.deadline and not deadlines.limit(wanted, view.settings, view.context.clock()):
        yield warning(
            "PV547",
            f"the deadline is more than {deadlines.LONGEST.days} days ahead, as far as GCE's own time limit goes",
            ("ttl",),
            "machines switch themselves off then, but keep their disks until `down`",
        )


def _protection(view: View) -> Iterator[Diagnostic]:
    if not view.wanted.protect:
        return
    if view.wanted.labels.expires != NEVER:
        yield error(
            "PV547",
            "protected machines with a deadline: GCE's protection does not stop its own time limit",
            ("protect",),
            "write `ttl: never`, or `protect: false`",
        )
    for machine in view.wanted.machines:
        if view.options(machine).spot:
            yield error(
                "PV547",
                f"{machine.name}: GCE takes spot machines back, protected or not",
                where(machine, "options", "spot"),
                "write `spot: false`, or `protect: false`",
            )


def _addresses(view: View) -> Iterator[Diagnostic]:
    block = IPv4Network(view.wanted.subnet or parts.DEFAULT)
    if block.prefixlen > SMALLEST:
        yield error("PV545", f"{block} is too small for a subnetwork (/{SMALLEST})", ("network", "subnet"))
        return
    for machine in view.wanted.machines:
        if machine.address and not assignable(machine.address, block):
            yield error(
                "PV545",
                f"{machine.name}: the address {machine.address} is not free to use in {block}",
                ("machines", machine.name, "address"),
                "GCE keeps the first two addresses and the last two",
            )
    voters = [m for m in view.wanted.machines if m.etcd]
    zones = {m.zones[0] for m in voters if m.zones}
    if len(voters) > 1 and len(zones) == 1:
        yield warning(
            "PV545",
            f"all {len(voters)} etcd members start in zone {next(iter(zones))}: they fail together",
            where(voters[0], "zones"),
            "name further zones of the region; an address fits into any of them",
        )
