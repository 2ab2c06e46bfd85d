"""What GRUB, which starts both BIOS and UEFI machines from our ISOs, is told. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

CONSOLES = "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
CARDS = tuple(f"$net_efinet{n}_dhcp_mac" for n in range(4))
"""Where GRUB keeps the MAC addresses of cards that DHCP answered."""

PLAIN = re.compile(r"[A-Za-z0-9_./:=,+@%-]+")


def system(kernel: str, initrds: Sequence[str], arguments: Sequence[str]) -> str:
    """Return the script that boots a system whose files lie on the ISO."""
    line = " ".join([kernel, *map(quoted, arguments)])
    return f"{CONSOLES}linux {line}\ninitrd {' '.join(initrds)}\nboot\n"


def service(url: str, ipxe: str, script: str) -> str:
    """Return the script that asks the boot service: BIOS by iPXE, which brings its own drivers; UEFI by the firmware's.

    Args:
        url: of the service.
        ipxe: iPXE as a Linux kernel, on the ISO.
        script: iPXE's script, on the ISO.
    """
    parts = urlsplit(url)
    return (
        f"{CONSOLES}"
        'if [ "$grub_platform" = pc ]; then\n'
        f"  linux16 {ipxe}\n  initrd16 {script}\n  boot\n"
        "fi\n"
        "net_dhcp\n"
        # $net_default_mac is set only where GRUB itself came from the network
        f"for mac in {' '.join(CARDS)}; do configfile ({parts.scheme},{parts.netloc})/grub?mac=$mac; done\n"
    )


def ipxe(url: str) -> str:
    """Return iPXE's script: an address, then the service's own script, until it answers."""
    return f"#!ipxe\n:again\ndhcp && chain --replace --autofree {url}/boot.ipxe || sleep 5\ngoto again\n"


def quoted(word: str) -> str:
    """Write one word of a command, so that GRUB takes it as it is."""
    return word if PLAIN.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'"
