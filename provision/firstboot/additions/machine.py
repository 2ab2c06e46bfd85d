"""Hostname, the planned address, SSH keys: what makes a machine this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import Additions, File, User
from provision.firstboot.additions.system import filled

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context

NETWORKMANAGER = "/etc/NetworkManager/system-connections/provision-private.nmconnection"
NETWORKD = "/etc/systemd/network/10-provision-private.network"


def hostname(context: Context) -> Additions:
    """Return the file that names the machine."""
    return Additions(files=(File("/etc/hostname", f"{context.machine.name}\n"),))


def keys(context: Context) -> Additions:
    """Return the operators' SSH keys."""
    allowed = context.cluster.ssh_keys
    return Additions(users=(User(context.system.user, allowed),)) if allowed else Additions()


def address(context: Context) -> Additions:
    """Return the configuration of the interface that takes the planned address.

    Nothing is added where the platform's DHCP gives it.
    """
    traits = context.traits
    if not (traits.planned_addresses and traits.private_interface):
        return Additions()
    subnet = context.cluster.subnet.prefixlen
    values = {"path": traits.private_interface, "address": context.machine.address, "prefix": subnet}
    if context.system.network == "networkmanager":
        # NetworkManager takes no file that others may read.
        text = filled(context.version, "provision-private.nmconnection", **values)
        return Additions(files=(File(NETWORKMANAGER, text, 0o600),))
    return Additions(files=(File(NETWORKD, filled(context.version, "provision-private.network", **values)),))
