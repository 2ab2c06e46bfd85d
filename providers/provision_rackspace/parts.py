"""The shared things that a cluster's machines need at Rackspace, as requests. Pure.

Names hold a dot, which no machine's name may, so the two never meet.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from provision.providing.parts import part
from provision_rackspace.settings import Settings

if TYPE_CHECKING:
    from provision.model import MachineWanted, Request, Wanted

PROVIDER = "rackspace"
KEY, NETWORK = "key-pair", "network"
KINDS = (KEY, NETWORK)
"""In the order in which they are made."""

DEFAULT_SUBNET = "192.168.0.0/16"
PUBLIC_NET = "00000000-0000-0000-0000-000000000000"
SERVICE_NET = "11111111-1111-1111-1111-111111111111"
"""The ids of PublicNet and ServiceNet in every region (pyrax.cloudnetworks: PUBLIC_NET_ID, SERVICE_NET_ID)."""


_part = partial(part, PROVIDER)


def part_name(kind: str, uid: str = "") -> str:
    """Return the name of a part, ``rackspace.key-pair`` or ``rackspace.network.UID``.

    A cloud network's id does not tell whose it is, so its name does; a key pair's id is its name on the account.
    """
    return ".".join(filter(None, (PROVIDER, kind, uid)))


def image_of(machine: MachineWanted) -> str:
    """Return what a machine's image is called; "" when the spec names none."""
    return machine.image or Settings.read(machine.options).image


def requests(wanted: Wanted, settings: Settings) -> list[Request]:
    """Return the key pair and the cloud network, where they are to be made."""
    found: list[Request] = []
    if wanted.ssh_keys and not settings.key_name:
        # A key pair keeps one key; the first-boot config brings the others.
        found.append(_part(wanted, KEY, part_name(KEY), {"public_key": wanted.ssh_keys[0]}))
    if not settings.network:
        found.append(_part(wanted, NETWORK, part_name(NETWORK, wanted.uid), {"cidr": wanted.subnet or DEFAULT_SUBNET}))
    return found
