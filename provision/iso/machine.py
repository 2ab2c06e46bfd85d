"""The ISOs that the boot service's store tells of: one for a machine with its config inside, one for all."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import ProvisionError
from provision.iso import cpio, grub
from provision.iso.build import Medium

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.netboot.entry import Artefact, Entry

IPXE = (Path("/usr/lib/ipxe/ipxe.lkrn"), Path("/usr/share/ipxe/ipxe.lkrn"))
CONFIG = "boot/config.img"


def with_config(entry: Entry, config: bytes, fetch: Callable[[Artefact], Path]) -> Medium:
    """Return the medium of one machine: its system, and its config as a further initrd.

    Args:
        entry: what the machine boots.
        config: its first-boot config.
        fetch: returns where an artefact lies, fetching it where it is not there.

    Raises:
        ProvisionError: its operating system takes no config in this way, or an artefact cannot be had.
    """
    system = _table().get(entry.os)
    if system is None:
        message = f"{entry.os} takes no config from an ISO [PV599]"
        raise ProvisionError(message, hint=f"{', '.join(_table())} do")
    initrds = (*entry.initrds, *((entry.rootfs,) if entry.rootfs else ()))
    files: dict[str, bytes | Path] = {f"boot/{a.name}": fetch(a) for a in (entry.kernel, *initrds)}
    files[CONFIG] = cpio.archive(dict.fromkeys(system["paths"], config))
    places = [f"/boot/{a.name}" for a in initrds] + [f"/{CONFIG}"]
    script = grub.system(f"/boot/{entry.kernel.name}", places, (*entry.args, *system["args"]))
    return Medium(script, files)


def for_all(url: str) -> Medium:
    """Return the medium that asks the boot service at a URL what to do.

    Raises:
        ProvisionError: iPXE is not installed.
    """
    found = next((path for path in IPXE if path.is_file()), None)
    if found is None:
        raise ProvisionError("iPXE is not here: an ISO for all machines needs it [PV599]", hint="apt-get install ipxe")
    files: dict[str, bytes | Path] = {"boot/ipxe.lkrn": found, "boot/boot.ipxe": grub.ipxe(url).encode()}
    return Medium(grub.service(url, "/boot/ipxe.lkrn", "/boot/boot.ipxe"), files)


@cache
def _table() -> dict[str, Any]:
    text = resources.files("provision_schemas.iso").joinpath("systems.toml").read_text("utf-8")
    return tomllib.loads(text)
