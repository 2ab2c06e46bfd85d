"""Hostname, the planned address, SSH keys: what makes a machine this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import Additions, File

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine

NETWORKD = """\
[Match]
Path={path}

[Network]
Address={address}/{prefix}
DHCP=no
LinkLocalAddressing=no
"""

NETWORKMANAGER = """\
[connection]
id=provision-private
type=ethernet

[match]
path={path}

[ipv4]
method=manual
address1={address}/{prefix}

[ipv6]
method=disabled
"""


def hostname(machine: Machine) -> Additions:
    """Return the file that names the machine."""
    return Additions(files=(File("/etc/hostname", f"{machine.name}\n"),))


def keys(cluster: Cluster) -> Additions:
    """Return the operators' SSH keys."""
    return Additions(keys=cluster.ssh_keys)


def address(machine: Machine, subnet: IPv4Network, traits: Traits, network: str) -> Additions:
    """Return the configuration of the interface that takes the planned address.

    Nothing is added where the platform's DHCP gives it. `network` is "networkd" or "networkmanager".
    """
    if not (traits.planned_addresses and traits.private_interface):
        return Additions()
    values = {"path": traits.private_interface, "address": machine.address, "prefix": subnet.prefixlen}
    if network == "networkmanager":
        path = "/etc/NetworkManager/system-connections/provision-private.nmconnection"
        return Additions(files=(File(path, NETWORKMANAGER.format(**values), 0o600),))
    return Additions(files=(File("/etc/systemd/network/10-provision-private.network", NETWORKD.format(**values)),))
