"""The lab OS for machines that QEMU does not boot itself: a live system for the network or a CD, and a whole disk.

It is made from the built image, once for each, and lies in the image's folder under ``media``: an ``image.json`` as
`provision_pxe` reads it, and the files that it names.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from provision.errors import Kind, ProviderError
from provision_qemu.labos import host, image

TOOLS = {
    "cpio": "cpio",
    "debugfs": "e2fsprogs",
    "fakeroot": "fakeroot",
    "grub-mkimage": "grub-common",
    "mcopy": "mtools",
    "mkfs.vfat": "dosfstools",
    "mksquashfs": "squashfs-tools",
    "qemu-img": "qemu-utils",
    "sgdisk": "gdisk",
}
"""Program to Debian package."""

PACKAGES = (*sorted(set(TOOLS.values())), "grub-pc-bin", "grub-efi-amd64-bin")
ARGUMENTS_OF_QEMU = ("root=", "ignition.")
"""Kernel arguments of the image that a live boot has not, or gets from who boots it."""


def build(folder: Path | None = None) -> Path:
    """Build the media unless they are there already; return their folder.

    Takes about a quarter of a minute and 200 MB of disk, and builds the image first where it is not there.

    Raises:
        ProviderError: a program is missing (the hint names its Debian package), or the build failed.
    """
    built = image.build(folder)
    media = built / "media"
    if not (media / "image.json").is_file():
        lacking = host.missing(tools=TOOLS)
        if lacking:
            message = f"the lab OS' media cannot be built: {', '.join(lacking)} not found"
            hint = f"apt-get install {' '.join(sorted(set(lacking.values())))}"
            raise ProviderError(message, kind=Kind.UNSUPPORTED, code="missing-tool", hint=hint)
        with image.locked(built.with_name(f".{built.name}.media.lock")):
            if not (media / "image.json").is_file():
                _build(built, media)
    return media


def _build(built: Path, media: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".media.", dir=built) as temporary:
        made = Path(temporary) / "made"
        made.mkdir(mode=0o755)
        command = ["bash", str(image.RECIPE / "media"), str(built), str(made)]
        done = subprocess.run(command, check=False, env={**os.environ, "PATH": host.PATH}, stdin=subprocess.DEVNULL)
        if done.returncode:
            message = f"the lab OS' media could not be built: recipe/media ended with {done.returncode}"
            raise ProviderError(message, kind=Kind.UNAVAILABLE, code="build-failed", hint="the lines above say why")
        (made / "image.json").write_text(json.dumps(_described(built), indent=2) + "\n")
        made.rename(media)


def _described(built: Path) -> dict[str, object]:
    append = json.loads((built / "image.json").read_text())["append"].split()
    return {
        "kernel": "../vmlinuz",
        "initrds": ["../initramfs.img", "rootfs.img"],
        "args": [argument for argument in append if not argument.startswith(ARGUMENTS_OF_QEMU)],
        "install": "disk.img.gz",
    }
