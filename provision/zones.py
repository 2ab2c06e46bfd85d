"""How a cluster's machines and its network are laid over the zones of a platform. A leaf; pure.

On several clouds a subnet lies in one zone, so an address decides its machine's zone: whoever plans addresses and
whoever makes the subnets must cut the network alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Network

MOST = 8
"""The largest number of zones that a network is cut for."""


def spread(zones: Sequence[str], index: int) -> tuple[str, ...]:
    """Return the zones in the order in which a pool's machine tries them, so that neighbours start in different ones.

    Args:
        zones: as the pool lists them.
        index: the machine's number in its pool, from 1.
    """
    start = (index - 1) % len(zones) if zones else 0
    return (*zones[start:], *zones[:start])


def blocks(network: IPv4Network, zones: Iterable[str]) -> dict[str, IPv4Network]:
    """Cut a network into one block for each zone.

    One zone gets the whole network; up to four zones get quarters and more get eighths, so that a zone that is added
    at the end moves no other.

    Raises:
        ValueError: there are more than `MOST` zones, or the network is too small to be cut.
    """
    names = list(dict.fromkeys(zones))
    if len(names) > MOST:
        raise ValueError(f"{len(names)} zones are more than the {MOST} that a network is cut for")
    extra = 0 if len(names) <= 1 else 2 if len(names) <= 4 else 3
    return dict(zip(names, network.subnets(prefixlen_diff=extra), strict=False))
