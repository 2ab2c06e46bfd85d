"""What firmware reads: the texts for iPXE, PXELINUX and GRUB that load a system, wait, or boot from the disk. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provision.netboot.arguments import arguments, artefact_url, late_rootfs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.netboot.entry import Artefact, Entry

AGAIN_SECONDS = 5
QUERY = (
    "uuid=${uuid}&mac=${mac:hexhyp}&domain=${domain:uristring}&hostname=${hostname:uristring}"
    "&serial=${serial:uristring}&arch=${buildarch:uristring}&platform=${platform}"
)
"""iPXE's settings by which a machine says who it is: https://ipxe.org/cfg. Those that are not set are empty."""


class Firmware(StrEnum):
    """Who reads the script."""

    IPXE = "ipxe"
    PXELINUX = "pxelinux"
    GRUB = "grub"


def first(url: str) -> str:
    """Return the script that all iPXE machines get: come back and say who you are."""
    return f"#!ipxe\nchain --replace --autofree {url}/ipxe?{QUERY}\n"


def boot(firmware: Firmware, entry: Entry, config_url: str, url: str, files_url: str) -> str:
    """Return the script that boots an entry's system.

    Args:
        firmware: who reads it.
        entry: of the machine.
        config_url: where its first-boot config is.
        url: of the service, to come back when something cannot be loaded.
        files_url: where artefacts are.
    """
    line = arguments(entry, config_url, files_url)
    kernel = artefact_url(entry.kernel.path, files_url)
    initrds = [(a, artefact_url(a.path, files_url)) for a in _early(entry)]
    match firmware:
        case Firmware.IPXE:
            return _ipxe(entry.id, kernel, initrds, line, url)
        case Firmware.PXELINUX:
            return _pxelinux(kernel, [place for _, place in initrds], line)
        case Firmware.GRUB:
            return _grub(entry.id, kernel, [place for _, place in initrds], line)


def wait(firmware: Firmware, why: str, url: str, again: str) -> str:
    """Return the script of a machine that is expected and not ready: ask again in a few seconds.

    `again` is the path below `url` that PXELINUX and GRUB read again; iPXE begins at the beginning.
    """
    match firmware:
        case Firmware.IPXE:
            return f"#!ipxe\necho provision: {why}\nsleep {AGAIN_SECONDS}\nchain --replace --autofree {url}/boot.ipxe\n"
        case Firmware.PXELINUX:
            tenths = AGAIN_SECONDS * 10
            return (
                f"SAY provision: {why}\nDEFAULT again\nPROMPT 1\nTIMEOUT {tenths}\nLABEL again\n  CONFIG {url}{again}\n"
            )
        case Firmware.GRUB:
            return f"echo 'provision: {why}'\nsleep {AGAIN_SECONDS}\nconfigfile {_device(url + again)}\n"


def local(firmware: Firmware, why: str) -> str:
    """Return the script that boots from the disk: harmless for a machine that is none of ours.

    UEFI firmware goes on with its next boot entry when a loader ends with an error; BIOS is sent to the first disk.
    """
    match firmware:
        case Firmware.IPXE:
            return (
                f"#!ipxe\necho provision: {why}: booting from the disk\n"
                "iseq ${platform} efi && exit 1 || sanboot --no-describe --drive 0x80 || exit 1\n"
            )
        case Firmware.PXELINUX:
            return f"SAY provision: {why}: booting from the disk\nDEFAULT local\nPROMPT 0\nLABEL local\n  LOCALBOOT 0\n"
        case Firmware.GRUB:
            return f"echo 'provision: {why}: booting from the disk'\nexit 1\n"


def _ipxe(name: str, kernel: str, initrds: Sequence[tuple[Artefact, str]], arguments: Sequence[str], url: str) -> str:
    names = [f"initrd={a.name}" for a, _ in initrds]  # an EFI kernel finds its initrds by these
    lines = [
        "#!ipxe",
        f"echo provision: {name}",
        f"kernel {kernel} {' '.join([*names, *arguments])} || goto failed",
        *(f"initrd --name {a.name} {place} || goto failed" for a, place in initrds),
        "boot || goto failed",
        ":failed",
        f"echo provision: this did not load; asking again in {AGAIN_SECONDS} seconds",
        f"sleep {AGAIN_SECONDS}",
        f"chain --replace --autofree {url}/boot.ipxe",
    ]
    return "\n".join(lines) + "\n"


def _pxelinux(kernel: str, initrds: Sequence[str], arguments: Sequence[str]) -> str:
    initrd = f"  INITRD {','.join(initrds)}\n" if initrds else ""
    return f"DEFAULT provision\nPROMPT 0\nLABEL provision\n  KERNEL {kernel}\n{initrd}  APPEND {' '.join(arguments)}\n"


def _grub(name: str, kernel: str, initrds: Sequence[str], arguments: Sequence[str]) -> str:
    line = " ".join(map(_quoted, arguments))
    initrd = f"initrd {' '.join(map(_device, initrds))}\n" if initrds else ""
    return f"echo {_quoted('provision: ' + name)}\nlinux {_device(kernel)} {line}\n{initrd}boot\n"


def _early(entry: Entry) -> tuple[Artefact, ...]:
    rootfs = (entry.rootfs,) if entry.rootfs and not late_rootfs(entry) else ()
    return (*entry.initrds, *rootfs)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _device(url: str) -> str:
    """Return a URL as GRUB writes it: ``(http,192.0.2.1:8080)/path``."""
    parts = urlsplit(url)
    return f"({parts.scheme},{parts.netloc}){parts.path}{'?' if parts.query else ''}{parts.query}"
