"""The kernel's command line: what the entry says, then where the config is, as each operating system wants it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provision.netboot.entry import Entry

SYSTEMS = "systems.toml"


def arguments(entry: Entry, config_url: str, files_url: str) -> tuple[str, ...]:
    """Return an entry's kernel arguments.

    Args:
        entry: whose.
        config_url: where its first-boot config is.
        files_url: where artefacts are.

    Raises:
        ValueError: the operating system is none that boots from the network.
    """
    system = table(SYSTEMS).get(entry.os)
    if system is None:
        raise ValueError(f"{entry.os!r} does not boot from the network: {', '.join(table(SYSTEMS))} do")
    rootfs = [system["rootfs"].format(url=artefact_url(entry.rootfs.path, files_url))] if late_rootfs(entry) else []  # type: ignore[union-attr]
    return (*entry.args, *rootfs, *(text.format(url=config_url) for text in system["config"]))


def late_rootfs(entry: Entry) -> bool:
    """Whether the running kernel fetches the root file system, rather than the firmware as one more initrd."""
    return bool(entry.rootfs and table(SYSTEMS)[entry.os]["rootfs"])


def artefact_url(path: str, files_url: str) -> str:
    """Return where machines load an artefact."""
    return f"{files_url}/artefacts/{path}"


@cache
def table(name: str) -> dict[str, Any]:
    """Return one of the boot service's tables."""
    return tomllib.loads(resources.files("provision_schemas.netboot").joinpath(name).read_text())
