"""KVM where it works, else TCG: found out by running code, since a /dev/kvm can exist and hang.

The probe is a boot sector that writes one byte to QEMU's debug-exit port. SeaBIOS runs before it, on purpose: it
switches modes and waits for timers, and a broken (often nested) KVM hangs there while a bare instruction runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KVM, TCG, AUTO = "kvm", "tcg", "auto"
CHOICES = (AUTO, KVM, TCG)
DEVICE = Path("/dev/kvm")
LIMIT = 3.0
"""Seconds that the probe may take; where KVM works it takes 0.2."""

GRACE = 2.0
"""Seconds that a killed probe may take to vanish."""

_SAYS = 0x31
# mov al, 0x31; out 0xf4, al; hlt; jmp to the hlt. isa-debug-exit ends QEMU with the byte twice, plus one.
_SECTOR = bytes([0xB0, _SAYS, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD]).ljust(510, b"\0") + b"\x55\xaa"
_ENDS = _SAYS * 2 + 1
_probing = threading.Lock()


def arguments(accelerator: str) -> list[str]:
    """Return QEMU's options for an accelerator.

    For TCG a plain processor model (`max` makes some guests crawl), and a translation cache of 256 MiB in place of
    one gigabyte for each machine.
    """
    if accelerator == KVM:
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,tb-size=256", "-cpu", "Nehalem"]


def choose(option: str, cache: Path) -> str:
    """Return "kvm" or "tcg". For "auto" KVM is tried, once per start of this computer; the answer is cached."""
    if option != AUTO:
        return option
    if not permitted():
        return TCG
    with _probing:
        return KVM if _known(cache) else TCG


def permitted() -> bool:
    """Tell whether this user may open the KVM device; that it works is another matter."""
    return os.access(DEVICE, os.R_OK | os.W_OK)


def probe(accelerator: str, limit: float = LIMIT) -> bool:
    """Tell whether a machine can execute code with this accelerator, within a limit in seconds."""
    with tempfile.TemporaryDirectory(prefix="provision-probe-") as directory:
        Path(directory, "sector").write_bytes(_SECTOR)
        drive = "file=sector,format=raw,if=floppy,readonly=on"
        debug = "isa-debug-exit,iobase=0xf4,iosize=0x04"
        machine = ["-machine", "pc", "-m", "16M", "-nodefaults", "-display", "none"]
        command = ["qemu-system-x86_64", *arguments(accelerator), *machine, "-drive", drive, "-device", debug]
        return _ends_with(command, limit, directory) == _ENDS


def _known(cache: Path) -> bool:
    file = cache / "kvm.json"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        said = json.loads(file.read_text())
        if said["boot"] == boot:
            return bool(said["works"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never asked, or not by us: ask
    works = probe(KVM)
    cache.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps({"boot": boot, "works": works}))
    new.replace(file)
    return works


def _ends_with(command: Sequence[str], limit: float, directory: str) -> int | None:
    # timeout(1) ends a hanging QEMU even when we are killed meanwhile.
    silent, watched = subprocess.DEVNULL, ["timeout", "--signal=KILL", str(limit), *command]
    process = subprocess.Popen(
        watched, cwd=directory, stdin=silent, stdout=silent, stderr=silent, start_new_session=True
    )
    try:
        return process.wait(limit + GRACE)
    except subprocess.TimeoutExpired:
        # A hung KVM can hold even a killed process for a while: that is no reason to wait here.
        threading.Thread(target=process.wait, daemon=True).start()
        return None
