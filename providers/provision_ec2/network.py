"""Which addresses lie in which zone. Pure.

An EC2 subnet is in one zone, so the cluster's network is cut into blocks.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from provision.zones import blocks as laid

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
    """Cut a network into one block for each zone, as `provision.zones.blocks` does.

    Raises:
        ValueError: the network is too large for a VPC, its blocks too small for subnets, or there are too many zones.
    """
    network = IPv4Network(cidr)
    if network.prefixlen < LARGEST:
        raise ValueError(f"{cidr} is larger than a VPC may be (/{LARGEST})")
    cut = laid(network, zones)
    if any(block.prefixlen > SMALLEST for block in cut.values()):
        raise ValueError(f"{cidr} is too small for the subnets of {len(cut)} zones (each at least a /{SMALLEST})")
    return cut


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
