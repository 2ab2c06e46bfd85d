"""What a build needs from the computer that it runs on, and the Debian packages that bring it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOOLS = {
    "apt-get": "apt",
    "cpio": "cpio",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "fakeroot": "fakeroot",
    "ldconfig": "libc-bin",
    "lz4": "lz4",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "tar": "tar",
}
"""Program to Debian package. fakeroot lets a user without privileges own a tree of root's files."""

PACKAGES = (*sorted(set(TOOLS.values())), "debian-archive-keyring")

PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
"""Administrators' programs are not on every user's PATH."""


def missing(path: str | None = None, tools: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the programs that are not on `path` (default `PATH`), with their packages; root needs no fakeroot.

    `tools` are the programs, by default `TOOLS`.
    """
    return {
        tool: package
        for tool, package in (TOOLS if tools is None else tools).items()
        if not shutil.which(tool, path=path or PATH) and not (tool == "fakeroot" and os.geteuid() == 0)
    }
