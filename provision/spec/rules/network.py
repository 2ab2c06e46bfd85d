"""Rules about the subnet and the addresses in it."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from provision.spec import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft

DEFAULT = "10.99.0.0/24"
_PATH = ("network", "subnet")


def subnet_of(draft: Draft) -> IPv4Network | None:
    """Return the cluster's subnet, or None when it is not one."""
    try:
        return IPv4Network(draft.section("network").get("subnet", DEFAULT))
    except ValueError:
        return None


def subnet(draft: Draft) -> Iterator[Diagnostic]:
    """See that the subnet is an IPv4 network that machines can have."""
    text = draft.section("network").get("subnet", DEFAULT)
    try:
        network = IPv4Network(text)
    except ValueError as error:
        yield draft.error("PV032", _PATH, f"not an IPv4 network: {error}", _right(text))
        return
    if network.is_loopback or network.is_link_local or network.is_multicast or network.is_unspecified:
        yield draft.error("PV032", _PATH, f"machines cannot have addresses in {text}", "take one such as 10.99.0.0/24")
    elif not network.is_private:
        hint = "take one within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
        yield draft.warning("PV033", _PATH, f"{text} is not a private network: its owners become unreachable", hint)


def _right(text: str) -> str:
    try:
        return f"write {IPv4Network(text, strict=False)}"
    except ValueError:
        return "write a network such as 10.99.0.0/24"


def fixed(draft: Draft) -> Iterator[Diagnostic]:
    """See that fixed addresses lie within the subnet, once each."""
    network, seen = subnet_of(draft), dict[IPv4Address, str]()
    for name, entry in draft.section("machines").items():
        if "address" not in entry:
            continue
        path = ("machines", name, "address")
        try:
            address = IPv4Address(entry["address"])
        except AddressValueError as error:
            yield draft.error("PV034", path, f"not an IPv4 address: {error}", "such as 10.99.0.12")
            continue
        if network and not addresses.usable(network, address):
            hint = f"from {network[0] + addresses.LOWEST} to {network[-1] - 1}" if network.num_addresses > 8 else None
            yield draft.error("PV035", path, f"{address} is not for machines in {network}", hint)
        if other := seen.get(address):
            yield draft.error("PV036", path, f"{address} is given to {other} as well", "each machine needs its own")
        seen.setdefault(address, name)


def room(draft: Draft) -> Iterator[Diagnostic]:
    """See that all machines fit into the subnet."""
    network = subnet_of(draft)
    if network and (count := draft.count()) > (most := addresses.room(network)):
        message = f"{network} has planned addresses for {most} machines, and there are {count}"
        path = _PATH if draft.given(*_PATH) else ("pools",)
        yield draft.error("PV037", path, message, f"add `network: {{subnet: 10.99.0.0/{_prefix(count)}}}`", key=True)


def _prefix(count: int) -> int:
    return 32 - (count + addresses.FIRST).bit_length()


def honoured(draft: Draft) -> Iterator[Diagnostic]:
    """Warn about fixed addresses where the platform chooses."""
    for name, entry in draft.section("machines").items():
        pool = draft.pool_of(name)
        provider = draft.provider_of(draft.section("pools")[pool]) if pool else None
        plugin = draft.plugin(provider)
        if "address" in entry and plugin and not plugin.traits.planned_addresses:
            path = ("machines", name, "address")
            yield draft.warning("PV038", path, f"{provider} chooses addresses itself: this one has no effect")


RULES = (subnet, fixed, room, honoured)
