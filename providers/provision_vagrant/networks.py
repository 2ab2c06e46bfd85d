"""Which networks a cluster's private network may be, and which are taken."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from provision_vagrant.settings import LIBVIRT
from provision_vagrant.settings import VIRTUALBOX as VBOX

if TYPE_CHECKING:
    from collections.abc import Iterator

MANAGEMENT = IPv4Network("192.168.121.0/24")
"""vagrant-libvirt's own network, by which Vagrant logs in."""

NAT = IPv4Network("10.0.2.0/24")
"""The network of the first card on VirtualBox."""

VIRTUALBOX = IPv4Network("192.168.56.0/21")
VIRTUALBOX_FILE = Path("/etc/vbox/networks.conf")
"""Since 6.1.28, VirtualBox takes host-only networks in this range, or in those that the file lists:
https://www.virtualbox.org/manual/ch06.html#network_hostonly"""

ROUTES = Path("/proc/net/route")


def allowed_by_virtualbox(subnet: IPv4Network, file: Path = VIRTUALBOX_FILE) -> bool:
    """Tell whether VirtualBox takes a subnet as a host-only network."""
    ranges = list(_ranges(file)) or [VIRTUALBOX]
    return any(subnet.subnet_of(allowed) for allowed in ranges)


def taken(hypervisor: str, routes: Path = ROUTES) -> Iterator[tuple[str, IPv4Network]]:
    """Yield the networks that machines or this computer use already, each with what it is."""
    if hypervisor == LIBVIRT:
        yield "vagrant-libvirt's own network", MANAGEMENT
    if hypervisor == VBOX:
        yield "VirtualBox's own network", NAT
    if not routes.exists():
        return
    for line in routes.read_text().splitlines()[1:]:
        card, target, _, _, _, _, _, mask, *_ = line.split()
        network = IPv4Network((_number(target), _prefix(_number(mask))), strict=False)
        if network.prefixlen and not network.overlaps(MANAGEMENT):
            yield f"the network of this computer's card {card}", network


def _ranges(file: Path) -> Iterator[IPv4Network]:
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        words = line.split()
        if words[:1] == ["*"]:
            yield from (IPv4Network(word, strict=False) for word in words[1:] if ":" not in word)


def _number(text: str) -> int:
    """Read an address as the kernel writes it there: eight hexadecimal digits in the computer's own order of bytes."""
    return socket.ntohl(struct.unpack("=I", struct.pack("=I", int(text, 16)))[0])


def _prefix(mask: int) -> int:
    return mask.bit_count()
