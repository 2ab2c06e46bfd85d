"""Private addresses, planned purely from the subnet: the same spec and lock give the same addresses everywhere."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FIRST = 10
"""The first planned host of a subnet; those below are left to gateways, resolvers and fixed addresses."""

LOWEST = 4
"""The first host that may be fixed: the four before it belong to the platforms (EC2 keeps .0 to .3 and the last).
https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


def room(subnet: IPv4Network) -> int:
    """Return how many addresses can be planned in a subnet."""
    return max(0, subnet.num_addresses - FIRST - 1)


def usable(subnet: IPv4Network, address: IPv4Address) -> bool:
    """Whether an address of the subnet can be given to a machine."""
    return subnet[0] + LOWEST <= address < subnet[-1]


def plan(
    wanted: Mapping[str, Sequence[IPv4Network]], subnet: IPv4Network, fixed: Mapping[str, str], kept: Mapping[str, str]
) -> dict[str, str]:
    """Give every machine an address, in order: the fixed one, the one that it had, or else the next free one.

    Args:
        wanted: the machines, each with the blocks of the subnet that it may go to, the best first.
        subnet: a network with room for them.
        fixed: addresses from the spec, each valid and given once.
        kept: addresses from `cluster.lock`; those that no longer fit are passed over.
    """
    taken = {IPv4Address(address): name for name, address in fixed.items()}
    for name in wanted:
        if name in kept and name not in fixed and usable(subnet, old := IPv4Address(kept[name])):
            taken.setdefault(old, name)
    known = {name: address for address, name in taken.items()}
    blocks = dict.fromkeys(block for order in wanted.values() for block in order)
    free = {block: _free(block, taken, max(LOWEST, min(FIRST, block.num_addresses // 8))) for block in blocks}
    free[subnet] = _free(subnet, taken)
    for name, order in wanted.items():
        if name not in known:
            known[name] = next(address for block in (*order, subnet) for address in free[block])
            taken[known[name]] = name
    return {name: str(known[name]) for name in wanted}


def _free(block: IPv4Network, taken: Mapping[IPv4Address, str], first: int = FIRST) -> Iterator[IPv4Address]:
    """Yield what is free in a block at the moment when it is asked for."""
    return (block[0] + n for n in range(first, block.num_addresses - 1) if block[0] + n not in taken)
