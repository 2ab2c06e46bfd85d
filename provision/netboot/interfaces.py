"""A network interface's IPv4 address and network, as the kernel knows them (netdevice(7))."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

from provision.errors import UsageError

ADDRESS = 0x8915  # SIOCGIFADDR
NETMASK = 0x891B  # SIOCGIFNETMASK
NAME_BYTES = 15


def network(name: str) -> ipaddress.IPv4Interface:
    """Return an interface's address with its network.

    Raises:
        UsageError: there is no such interface, or it has no IPv4 address.
    """
    try:
        return ipaddress.IPv4Interface(f"{_ask(name, ADDRESS)}/{_ask(name, NETMASK)}")
    except OSError as error:
        hint = "`ip -4 addr` lists the interfaces with their addresses"
        raise UsageError(f"the interface {name!r} has no IPv4 address: {error.strerror}", hint=hint) from error


def _ask(name: str, what: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("256s", name.encode()[:NAME_BYTES])
        return socket.inet_ntoa(fcntl.ioctl(asked, what, request)[20:24])
