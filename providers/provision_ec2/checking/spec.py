"""What can be told without asking AWS: payload sizes, names, addresses, and settings that exclude each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.providing.checking import error, named, payload, warning, where
from provision_ec2 import network, parts, tags
from provision_ec2.checking.view import OPTIONS
from provision_ec2.machines import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network

    from provision.diagnostics import Diagnostic
    from provision_ec2.checking.view import View

PAYLOAD_LIMIT = 16_384


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what the spec says by itself."""
    yield from _machines(view)
    yield from _labels(view)
    yield from _protection(view)
    yield from _keys(view)
    if not view.settings.vpc:
        yield from _addresses(view)


def _machines(view: View) -> Iterator[Diagnostic]:
    for machine in view.wanted.machines:
        yield from payload("PV531", machine, PAYLOAD_LIMIT, "bytes", "EC2 user data")
        yield from named("PV532", machine, "a machine")


def _labels(view: View) -> Iterator[Diagnostic]:
    for key, value in view.wanted.labels.to_dict().items():
        if len(value) > tags.VALUE_LIMIT:
            yield error("PV532", f"the label {key} has {len(value)} characters; a tag holds {tags.VALUE_LIMIT}", (key,))


def _protection(view: View) -> Iterator[Diagnostic]:
    if not view.wanted.protect:
        return
    if view.wanted.labels.expires != NEVER:
        yield error(
            "PV533",
            "protected machines with a deadline: EC2's protection does not stop a machine that ends itself",
            ("protect",),
            "write `ttl: never`, or `protect: false`",
        )
    for machine in view.wanted.machines:
        if view.options(machine).spot:
            yield error(
                "PV533",
                f"{machine.name}: EC2 cannot protect spot machines",
                where(machine, "options", "spot"),
                "write `spot: false`, or `protect: false`",
            )


def _keys(view: View) -> Iterator[Diagnostic]:
    if view.wanted.ssh_keys and not view.settings.key_name and not parts.importable(view.wanted):
        yield warning(
            "PV529",
            "EC2 takes none of the spec's ssh keys (only ssh-ed25519 and ssh-rsa), so no key pair is made",
            ("ssh", "keys"),
            "the machines still get the keys by their first-boot config",
        )


def _addresses(view: View) -> Iterator[Diagnostic]:
    try:
        cut = network.blocks(view.wanted.subnet or network.DEFAULT, network.zones_of(view.wanted))
    except ValueError as problem:
        yield error("PV535", str(problem), ("network", "subnet"))
        return
    for machine in view.wanted.machines:
        if not machine.address:
            continue
        zone = network.zone_of(machine.address, cut)
        allowed = machine.zones or ("",)
        if zone is None or zone not in allowed or not network.assignable(machine.address, cut[zone]):
            blocks = ", ".join(f"{cut[z]} in {z}" if z else str(cut[z]) for z in allowed)
            yield error(
                "PV535",
                f"{machine.name}: the address {machine.address} is not free to use in its zones ({blocks})",
                ("machines", machine.name, "address"),
                "AWS keeps the first four addresses and the last one of each",
            )
    yield from _one_zone(view, cut)


def _one_zone(view: View, cut: dict[str, IPv4Network]) -> Iterator[Diagnostic]:
    voters = [m for m in view.wanted.machines if m.etcd and m.address]
    zones = {network.zone_of(m.address, cut) for m in voters}
    if len(cut) > 1 and len(voters) > 1 and len(zones) == 1:
        yield warning(
            "PV535",
            f"all {len(voters)} etcd members have planned addresses in zone {zones.pop()}: they fail together",
            OPTIONS,
            "give each member an `address` in another zone's block: "
            + ", ".join(f"{block} is {zone}" for zone, block in cut.items()),
        )
