"""dnsmasq's configuration: DHCP (whole, or only what booting needs beside another server) and TFTP. Pure.

What each line is for was measured with real firmware; dnsmasq(8) says what it means. iPXE must be told the script's URL
and everything else a loader, or a machine loads iPXE for ever: hence the tag.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.errors import UsageError
from provision.netboot.loaders import firmware

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from provision.netboot.entry import Entry

LEASE = "1h"
IPXE = "ipxe"
ENCAPSULATED = 175
"""iPXE's own DHCP option, which it sends whatever its user class says: https://ipxe.org/howto/dhcpd"""


class Dhcp(StrEnum):
    """Who hands out addresses."""

    PROXY = "proxy"  # another server does; we add the boot file
    FULL = "full"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Network:
    """The segment that machines boot on.

    `range` is "FIRST,LAST" for `Dhcp.FULL`, and any address of the network for `Dhcp.PROXY`. `netmask` may be "" where
    the interface has an address of the network. `gateway` and `dns` are handed out; "" hands out none. `native` sends
    firmware straight to PXELINUX and GRUB instead of iPXE.
    """

    dhcp: Dhcp
    interface: str
    range: str = ""
    netmask: str = ""
    gateway: str = ""
    dns: str = ""
    native: bool = False


def check(network: Network) -> None:
    """Refuse what dnsmasq would misunderstand: every value ends up on a line of its configuration.

    Raises:
        UsageError: the interface or the range is missing or malformed.
    """
    if not network.interface or not all(c.isalnum() or c in "._-@" for c in network.interface):
        raise UsageError(f"--dhcp {network.dhcp} needs --interface", hint="name the one that the machines are on")
    addresses = [a for a in network.range.split(",") if a]
    wanted = {Dhcp.FULL: 2, Dhcp.PROXY: 1, Dhcp.NONE: 0}[network.dhcp]
    if len(addresses) != wanted:
        forms = {Dhcp.FULL: "FIRST,LAST, such as 10.0.0.100,10.0.0.199", Dhcp.PROXY: "the network's address"}
        raise UsageError(f"--dhcp {network.dhcp} takes a --range: {forms.get(network.dhcp, 'none')}")
    for text in [*addresses, network.netmask, network.gateway, network.dns]:
        try:
            if text:
                ipaddress.IPv4Address(text)
        except ValueError:
            raise UsageError(f"{text!r} is no IPv4 address") from None


def configuration(
    network: Network, url: str, tftp: Path, hosts: Path | None, leases: Path | None, account: tuple[str, str]
) -> str:
    """Return dnsmasq's configuration.

    Args:
        network: what to serve.
        url: of the boot service, as machines see it.
        tftp: the folder that TFTP serves.
        hosts: the file of fixed addresses that `hosts_file` wrote; None for none.
        leases: where leases are kept; None for dnsmasq's own place.
        account: the user and group that dnsmasq becomes.
    """
    lines = [*_common(network, tftp, account), *_addresses(network, hosts, leases), *_boot(network, url)]
    return "\n".join(["# written by `provision serve`", *lines]) + "\n"


def hosts_file(entries: Sequence[Entry]) -> str:
    """Return the file of fixed addresses: a line for each machine that has an address."""
    rows = [",".join([*e.macs, e.address, *([e.hostname] if e.hostname else [])]) for e in entries if e.address]
    return "".join(f"{row}\n" for row in rows)


def _common(network: Network, tftp: Path, account: tuple[str, str]) -> Iterator[str]:
    yield from ("port=0", f"interface={network.interface}", "bind-interfaces", "log-dhcp")
    yield from (f"user={account[0]}", f"group={account[1]}")
    yield from ("enable-tftp", f"tftp-root={tftp}", "tftp-max=256")


def _addresses(network: Network, hosts: Path | None, leases: Path | None) -> Iterator[str]:
    match network.dhcp:
        case Dhcp.PROXY:
            yield f"dhcp-range={network.range},proxy" + (f",{network.netmask}" if network.netmask else "")
        case Dhcp.FULL:
            netmask = f",{network.netmask}" if network.netmask else ""
            yield f"dhcp-range={network.range}{netmask},{LEASE}"
            yield from ("dhcp-authoritative", "dhcp-no-override")
            yield f"dhcp-option=option:router{',' + network.gateway if network.gateway else ''}"
            yield f"dhcp-option=option:dns-server{',' + network.dns if network.dns else ''}"
            if hosts:
                yield f"dhcp-hostsfile={hosts}"
            if leases:
                yield f"dhcp-leasefile={leases}"


def _boot(network: Network, url: str) -> Iterator[str]:
    if network.dhcp is Dhcp.NONE:
        return
    yield from (f"dhcp-userclass=set:{IPXE},iPXE", f"dhcp-match=set:{IPXE},{ENCAPSULATED}")
    for kind in firmware():
        for number in kind.numbers:
            yield f"dhcp-match=set:{kind.name},option:client-arch,{number}"
    yield from _proxied(network, url) if network.dhcp is Dhcp.PROXY else _served(network, url)


def _served(network: Network, url: str) -> Iterator[str]:
    script = f"{url}/boot.ipxe"
    if not network.native:
        yield f"dhcp-boot=tag:{IPXE},{script}"
    for kind in firmware():
        loader = kind.loader(native=network.native)
        tags = f"tag:{kind.name}" if network.native else f"tag:!{IPXE},tag:{kind.name}"
        if kind.http:  # such firmware takes an offer only when it says that it is meant
            yield f"dhcp-option-force={tags},option:vendor-class,HTTPClient"
            yield f"dhcp-boot={tags},{url}/loaders/{loader}"
        else:
            yield f"dhcp-boot={tags},{loader}"
    if network.native:  # PXELINUX reads its configuration below this, by HTTP, so that we see who boots
        yield f"dhcp-option-force=tag:bios,210,{url}/pxelinux/"


def _proxied(network: Network, url: str) -> Iterator[str]:
    """A proxy is asked again on port 4011, where only pxe-service answers; dhcp-boot alone boots nothing.

    It cannot hand out options, so PXELINUX reads its configuration by TFTP.
    """
    for kind in firmware():
        for service in kind.services:
            if not network.native:
                yield f"pxe-service=tag:{IPXE},{service},provision,{url}/boot.ipxe"
            tags = "" if network.native else f"tag:!{IPXE},"
            yield f"pxe-service={tags}{service},provision,{kind.loader(native=network.native)}"
