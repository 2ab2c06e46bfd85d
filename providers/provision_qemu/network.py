"""The network of a cluster's machines: addresses of cards, the shared segment, ports on the host.

Each machine has two cards in fixed PCI slots. The first is QEMU's user-mode network: the way out, and by forwarded
ports the way in. The second is a segment that all machines of one cluster share: Ethernet frames in multicast
datagrams on the host's loopback, which needs no privileges. Whoever can open a socket on this computer can join it.
"""

from __future__ import annotations

import hashlib
import socket
from ipaddress import IPv4Address, IPv4Network

FIRST_SLOT = 0x3
SECOND_SLOT = 0x4
SECOND_PATH = f"pci-0000:00:{SECOND_SLOT:02x}.0"
"""udev's ID_PATH of the second card, the same in every machine and under every naming scheme."""

USER_NETWORK = IPv4Network("10.0.2.0/24")
"""QEMU's user-mode network (its documentation, "User networking"): the guest is .15, the host's loopback .2."""

FORWARDED = {"ssh": 22, "etcd": 2379}
"""The guest's ports that get a port on the host's loopback."""

LOOPBACK = "127.0.0.1"


def first_mac(uid: str, name: str) -> str:
    """Return the first card's address: QEMU's own prefix, the rest from the cluster's uid and machine's name."""
    return _mac("52:54:00", uid, name)


def second_mac(uid: str, name: str) -> str:
    """Return the second card's address. The prefix is locally administered and differs from the first card's."""
    return _mac("52:54:01", uid, name)


def segment(uid: str) -> tuple[str, int]:
    """Return the multicast group and UDP port of a cluster's segment.

    32 bits of the uid's digest choose among the groups of 239.192.0.0/14 (RFC 2365, section 6.2: local to the
    organisation) and ports 10240-26623, below those that Linux gives out by itself. QEMU receives only what is sent
    to this group and port, so two clusters meet only when all 32 bits agree.
    """
    digest = int.from_bytes(hashlib.sha256(f"segment\n{uid}".encode()).digest()[:4], "big")
    group = IPv4Address("239.192.0.0") + (digest >> 14)
    return str(group), 10240 + (digest & 0x3FFF)


def free_ports() -> dict[str, int]:
    """Choose a free port on the host's loopback for each forwarded one. Another program may still take it first."""
    sockets = [socket.socket() for _ in FORWARDED]
    try:
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return {name: one.getsockname()[1] for name, one in zip(FORWARDED, sockets, strict=True)}
    finally:
        for one in sockets:
            one.close()


def _mac(prefix: str, uid: str, name: str) -> str:
    digest = hashlib.sha256(f"{uid}\n{name}".encode()).digest()
    return f"{prefix}:{digest[:3].hex(':')}"
