"""Letting libvirt's QEMU read first-boot configs, and nobody else.

Where QEMU runs as a user of its own, it opens the file of a config under that name, and libvirt takes no care of files
that stand in QEMU's own arguments. An access control list (acl(5)) lets that one user in.
"""

from __future__ import annotations

import os
import pwd
import stat
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USERS = ("libvirt-qemu", "qemu")
"""The users that QEMU runs as under libvirt: Debian's and Ubuntu's, Fedora's and its kin's."""

ATTRIBUTE = "system.posix_acl_access"
VERSION, OWNER, USER, GROUP, MASK, OTHER, NOBODY = 2, 0x01, 0x02, 0x04, 0x10, 0x20, 0xFFFFFFFF
READ, ENTER = 4, 1


def qemu_user() -> pwd.struct_passwd | None:
    """Return the user that QEMU runs as, or None where libvirt brought none."""
    for name in USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def admit(path: Path, right: int) -> None:
    """Give QEMU's user a right to a file or folder of ours; where no such lists exist, `check` tells."""
    user = qemu_user()
    if user is None or user.pw_uid == os.getuid() or _listed(path, user.pw_uid) is not None:
        return  # twice would take the list's mask, which the mode shows then, for the group's own right
    mode = stat.S_IMODE(path.stat().st_mode)
    owner, group, other = mode >> 6 & 7, mode >> 3 & 7, mode & 7
    if not path.is_dir():
        group = 0
    rows = (
        (OWNER, owner, NOBODY),
        (USER, right, user.pw_uid),
        (GROUP, group, NOBODY),
        (MASK, right | group, NOBODY),
        (OTHER, other, NOBODY),
    )
    value = struct.pack("<I", VERSION) + b"".join(struct.pack("<HHI", *row) for row in rows)
    with suppress(OSError):
        os.setxattr(path, ATTRIBUTE, value)


def barred(path: Path) -> Iterator[Path]:
    """Yield the folders above a path that QEMU's user may not enter, the outermost first."""
    user = qemu_user()
    if user is None:
        return
    for folder in reversed(path.absolute().parents):
        with suppress(FileNotFoundError):
            if not _may_enter(folder, user):
                yield folder


def _may_enter(folder: Path, user: pwd.struct_passwd) -> bool:
    found = folder.stat()
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    listed = _listed(folder, user.pw_uid)
    if listed is not None:
        return bool(listed & ENTER)
    in_group = found.st_gid in os.getgrouplist(user.pw_name, user.pw_gid)
    return bool(found.st_mode & (stat.S_IXGRP if in_group else stat.S_IXOTH))


def _listed(folder: Path, uid: int) -> int | None:
    """Return the rights that a folder's list gives a user by name, or None."""
    try:
        value = os.getxattr(folder, ATTRIBUTE)
    except OSError:
        return None
    rows = list(struct.iter_unpack("<HHI", value[4:]))
    mask = next((right for tag, right, _ in rows if tag == MASK), 7)
    return next((right & mask for tag, right, who in rows if tag == USER and who == uid), None)
