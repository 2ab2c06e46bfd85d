"""The real Ignition of Debian's package, run on this computer: it writes into a scratch root instead of a disk."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

IGNITION = Path("/usr/lib/dracut/modules.d/30ignition/ignition")
VALIDATE = Path("/usr/bin/ignition-validate")
NEWEST = "3.3.0"
"""What Ignition 2.14 reads."""

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
etcd:x:102:102::/var/lib/etcd:/usr/sbin/nologin
core:x:1000:1000::/home/core:/bin/sh
"""
GROUP = "root:x:0:\netcd:x:102:\ncore:x:1000:\n"


class Refused(Exception):
    """Ignition ended with an error; the text is its log."""


def binary(path: Path) -> Path:
    if not path.exists():
        raise AssertionError(f"{path} is missing: install Debian's package `ignition`")
    return path


def new_root(folder: Path) -> Path:
    root = folder / "root"
    for name, text in (
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        ("etc/shadow", "root:*:::::::\netcd:*:::::::\ncore:*:::::::\n"),
        ("etc/gshadow", "root:*::\netcd:*::\ncore:*::\n"),
        # Debian's build relabels for SELinux always, and fails without this file and without a setfiles.
        ("etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=none\n"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    home = root / "home" / "core"
    home.mkdir(parents=True)
    os.chown(home, 1000, 1000)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "setfiles").write_text("#!/bin/sh\ncat >/dev/null\n")
    (tools / "setfiles").chmod(0o755)
    return root


def apply(config: str, folder: Path) -> Path:
    """Let Ignition fetch a config and write its files into a new root, which is returned."""
    assert os.geteuid() == 0, "Ignition gives files their owners: run the tests as root"
    root = new_root(folder)
    (folder / "config.ign").write_text(config)
    for stage in ("fetch", "files"):
        stage_of(stage, root, folder)
    return root


def stage_of(stage: str, root: Path, folder: Path) -> None:
    done = subprocess.run(
        [
            binary(IGNITION),
            *("--platform", "file", "--stage", stage, "--root", root, "--log-to-stdout"),
            *("--config-cache", folder / "cache", "--neednet", folder / "need", "--state-file", folder / "state"),
        ],
        env={
            "PATH": f"{folder / 'tools'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "IGNITION_CONFIG_FILE": str(folder / "config.ign"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise Refused(f"stage {stage}: {done.stdout[-3000:]}{done.stderr[-1000:]}")


def fetched(folder: Path) -> dict[str, object]:
    """Return the config that the fetch stage ended with, after all references were followed."""
    cached: dict[str, object] = json.loads((folder / "cache").read_text())
    return cached


def validate(config: str) -> str:
    """Return what ignition-validate says of a config; nothing is good."""
    done = subprocess.run(
        [binary(VALIDATE), "-"], input=config, capture_output=True, text=True, check=False, timeout=60
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
