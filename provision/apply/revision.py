"""Which git revision a spec is of, for the label that tells it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.spec.model import Cluster

LENGTH = 12
TIMEOUT = 10.0
"""Seconds. A checkout on a network disk that hangs must not keep a cluster from coming up."""


def revision(cluster: Cluster) -> str:
    """Return the first digits of the commit that holds the spec and its node configs as they are; "" for none.

    There is none outside of a git checkout, without git, and while one of the files is changed or not committed.
    """
    files = [Path(cluster.file).name, *(name for name in cluster.sources if (cluster.directory / name).is_file())]
    changed = _git(cluster.directory, "status", "--porcelain", "--ignored", "--", *dict.fromkeys(files))
    head = _git(cluster.directory, "rev-parse", "HEAD") if changed == "" else None
    return head[:LENGTH] if head else ""


def _git(directory: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", directory, *words], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
