"""Which addresses lie in which zone. Pure.

An EC2 subnet is in one zone, so the cluster's network is cut into blocks.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provision.model import Wanted

DEFAULT = "10.99.0.0/16"
SMALLEST, LARGEST = 28, 16
"""Prefix lengths that AWS takes for VPCs and subnets (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html)."""


def zones_of(wanted: Wanted) -> list[str]:
    """Return the zones that any machine may go to, in the spec's order; [""] when none is named and AWS chooses one."""
    return list(dict.fromkeys(zone for machine in wanted.machines for zone in machine.zones)) or [""]


def blocks(cidr: str, zones: Iterable[str]) -> dict[str, IPv4Network]:
    """Cut a network into one block for each zone.

    One zone gets the whole network; up to four zones get quarters and more get eighths, so that a zone that is added
    at the end moves no other. Planned addresses begin in the first zone's block.

    Raises:
        ValueError: the network is too large for a VPC, its blocks too small for subnets, or there are too many zones.
    """
    names, network = list(dict.fromkeys(zones)), IPv4Network(cidr)
    extra = 0 if len(names) == 1 else 2 if len(names) <= 4 else 3
    if network.prefixlen < LARGEST:
        raise ValueError(f"{cidr} is larger than a VPC may be (/{LARGEST})")
    if network.prefixlen + extra > SMALLEST:
        raise ValueError(f"{cidr} is too small for the subnets of {len(names)} zones (each at least a /{SMALLEST})")
    if len(names) > 1 << extra:
        raise ValueError(f"{len(names)} zones are more than the {1 << extra} that a network is cut for")
    return dict(zip(names, network.subnets(prefixlen_diff=extra), strict=False))


def assignable(address: str, block: IPv4Network) -> bool:
    """Tell whether a machine may have an address.

    AWS keeps the first four and the last of each subnet:
    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
    """
    number = IPv4Address(address)
    return number in block and 4 <= int(number) - int(block.network_address) < block.num_addresses - 1


def zone_of(address: str, cut: dict[str, IPv4Network]) -> str | None:
    """Return the zone in whose block an address lies, or None."""
    return next((zone for zone, block in cut.items() if IPv4Address(address) in block), None)
