"""Scripts as files, for firmware that asks by TFTP alone: PXELINUX' by MAC address, and GRUB's way to its script.

A file says what the machine would be told now. It is written anew whenever that may have changed; dnsmasq's log tells
who has read it, which counts as having asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provision.netboot import scripts
from provision.netboot.scripts import Firmware

if TYPE_CHECKING:
    from pathlib import Path

    from provision.netboot.index import Known
    from provision.netboot.service import BootService

FOLDER = "pxelinux.cfg"
READ = re.compile(r"sent \S+/pxelinux\.cfg/01-([0-9a-f-]{17}) to (\S+)")


class Rendered:
    """The files below TFTP's root. Belongs to the service's event loop."""

    def __init__(self, root: Path, url: str) -> None:
        """Write what does not depend on machines, and remove what an earlier run wrote of these.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder = root / FOLDER
        self._texts: dict[Path, bytes] = {}
        self._waiting: dict[str, Known] = {}
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("01-*"):
            old.unlink()
        self._write(self._folder / "default", scripts.local(Firmware.PXELINUX, "unknown machine").encode())
        (root / "grub").mkdir(exist_ok=True)
        self._write(root / "grub" / "grub.cfg", _grub(url).encode())

    def changed(self, service: BootService, known: Known) -> None:
        """Write a machine's files."""
        for path in self._paths(known):
            answer, waits = service.preview(Firmware.PXELINUX, known, f"/{FOLDER}/{path.name}")
            self._write(path, answer.body)
            if waits:
                self._waiting[known.entry.id] = known
            else:
                self._waiting.pop(known.entry.id, None)

    def removed(self, known: Known) -> None:
        """Remove a machine's files: the default sends it to its disk."""
        self._waiting.pop(known.entry.id, None)
        for path in self._paths(known):
            path.unlink(missing_ok=True)
            self._texts.pop(path, None)

    def poll(self, service: BootService) -> None:
        """Look again at the machines that wait: their boot files may be here by now."""
        for known in list(self._waiting.values()):
            self.changed(service, known)

    def _paths(self, known: Known) -> list[Path]:
        return [self._folder / f"01-{mac.replace(':', '-')}" for mac in known.entry.macs]

    def _write(self, path: Path, data: bytes) -> None:
        if self._texts.get(path) == data:
            return
        temporary = path.with_name(f".{path.name}")
        temporary.write_bytes(data)
        temporary.chmod(0o644)
        temporary.replace(path)
        self._texts[path] = data


def read_by(line: str) -> tuple[str, str] | None:
    """Return the MAC address and the client whose file dnsmasq says that it has sent."""
    found = READ.search(line)
    return (found[1].replace("-", ":"), found[2]) if found else None


def _grub(url: str) -> str:
    """Return GRUB's first file: on to the machine's own script, which it gets by HTTP."""
    parts = urlsplit(url)
    return f"configfile ({parts.scheme},{parts.netloc})/grub?mac=$net_default_mac\nexit 1\n"
