"""An ISO that boots by BIOS and UEFI, from a CD and from a USB stick: GRUB, its script, and files.

Made by GRUB's own tool, mtools and xorriso with all times and identifiers fixed: the same files, the same bytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EPOCH = 1735689600
"""The time of all that is on an ISO: 2025-01-01."""

TOOLS = {"grub-mkimage": "grub-common", "mcopy": "mtools", "mkfs.vfat": "dosfstools", "xorriso": "xorriso"}
GRUB = Path("/usr/lib/grub")
PLATFORMS = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}
"""Programs and GRUB's platforms, with the Debian packages that bring them."""

MODULES = ("iso9660", "normal", "linux", "configfile", "search", "search_fs_file", "serial", "terminal", "test", "echo")
BIOS_MODULES = ("biosdisk", "linux16")
EFI_MODULES = ("part_gpt", "fat", "all_video", "efinet", "net", "http", "minicmd", "sleep")
MARK = "/boot/provision.mark"
"""By this file GRUB finds the medium that it was started from."""
SEARCH = f"search --file {MARK} --set root\nset prefix=($root)/boot/grub\nconfigfile /boot/grub/grub.cfg\n"
IDENTIFIER = "70726F76"
ENVIRONMENT = {"SOURCE_DATE_EPOCH": str(EPOCH), "TZ": "UTC", "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1"}


@dataclass(frozen=True, slots=True)
class Medium:
    """What is on an ISO: GRUB's script, and files by their paths there, as they are or from where they lie."""

    script: str
    files: Mapping[str, bytes | Path]
    label: str = "PROVISION"


def build(medium: Medium, out: Path) -> None:
    """Write an ISO, which its owner alone may read: it may hold secrets.

    Raises:
        ProvisionError: a tool is missing, or failed.
    """
    _require()
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as work:
        tree = Path(work) / "tree"
        _fill(tree, medium)
        _bios(Path(work), tree)
        efi = _efi(Path(work))
        for path in sorted(tree.rglob("*"), reverse=True):
            os.utime(path, (EPOCH, EPOCH))
        made = Path(work) / "made.iso"
        _run(*_xorriso(medium, tree, efi, made))
        made.chmod(0o600)
        made.replace(out)


def missing(path: str | None = None) -> list[str]:
    """Return the Debian packages that are to be installed."""
    search = path or os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    tools = [package for tool, package in TOOLS.items() if not shutil.which(tool, path=search)]
    return [*tools, *(package for platform, package in PLATFORMS.items() if not (GRUB / platform).is_dir())]


def _require() -> None:
    if lacking := missing():
        raise ProvisionError("an ISO cannot be made here [PV599]", hint=f"apt-get install {' '.join(sorted(lacking))}")


def _fill(tree: Path, medium: Medium) -> None:
    for name, content in {
        **medium.files,
        "boot/grub/grub.cfg": medium.script.encode(),
        MARK.lstrip("/"): b"",
    }.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            shutil.copyfile(content, file)
        file.chmod(0o644)


def _bios(work: Path, tree: Path) -> None:
    _grub(work, "i386-pc-eltorito", tree / "boot/grub/eltorito.img", BIOS_MODULES)


def _efi(work: Path) -> Path:
    """Make the EFI system partition, which is the CD's boot image as well as the stick's partition."""
    program, image = work / "bootx64.efi", work / "efi.img"
    _grub(work, "x86_64-efi", program, EFI_MODULES)
    os.utime(program, (EPOCH, EPOCH))
    kib = -(-program.stat().st_size // 1024) + 128
    with image.open("wb") as file:
        file.truncate(kib * 1024)
    _run("mkfs.vfat", "-n", "EFI", "-i", IDENTIFIER, "--invariant", str(image))
    _run("mmd", "-i", str(image), "::/EFI", "::/EFI/BOOT")
    _run("mcopy", "-m", "-i", str(image), str(program), "::/EFI/BOOT/BOOTX64.EFI")
    return image


def _grub(work: Path, platform: str, out: Path, modules: Sequence[str]) -> None:
    early = work / "early.cfg"
    early.write_text(SEARCH)
    _run("grub-mkimage", "-O", platform, "-c", str(early), "-p", "/boot/grub", "-o", str(out), *MODULES, *modules)


def _xorriso(medium: Medium, tree: Path, efi: Path, out: Path) -> list[str]:
    moment = "2025010100000000"
    return [
        *("xorriso", "-report_about", "FAILURE", "-as", "mkisofs", "-o", str(out), "-V", medium.label, "-J", "-R"),
        *(f"--modification-date={moment}", "--set_all_file_dates", moment, "-uid", "0", "-gid", "0"),
        *("--grub2-mbr", str(GRUB / "i386-pc/boot_hybrid.img"), "-append_partition", "2", "0xef", str(efi)),
        *("-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"),
        *("--grub2-boot-info", "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot"),
        str(tree),
    ]


def _run(*command: str) -> None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    environment = {**os.environ, **ENVIRONMENT, "PATH": path}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise ProvisionError(f"{command[0]} ended with {done.returncode}: {lines[-1] if lines else ''} [PV599]")
