"""As whom the daemons work: nobody's account where that can reach its files, else the one that started us."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "nobody"


def account(*folders: Path) -> tuple[str, str]:
    """Return user and group that a daemon which root starts shall become, so that it can read all of these folders."""
    found = pwd.getpwuid(os.geteuid())
    if os.geteuid() == 0 and all(_open(folder) for folder in folders):
        with suppress(KeyError):
            found = pwd.getpwnam(NOBODY)
    return found.pw_name, grp.getgrgid(found.pw_gid).gr_name


def _open(folder: Path) -> bool:
    absolute = folder.absolute()
    return all(p.stat().st_mode & stat.S_IXOTH for p in (absolute, *absolute.parents) if p.exists())
