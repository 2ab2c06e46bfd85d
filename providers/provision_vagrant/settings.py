"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.model import Json

LIBVIRT, VIRTUALBOX, VMWARE = "libvirt", "virtualbox", "vmware"
LATEST = ">= 0"
"""What `config.vm.box_version` means where nothing is asked for."""


@dataclass(frozen=True, slots=True)
class Box:
    """What machines are made of. `version` is exact or a constraint of Vagrant's, "" for the newest that is here."""

    name: str = ""
    version: str = ""
    url: str = ""

    @classmethod
    def read(cls, image: str, options: Json) -> Box:
        """Return the box of a machine: its image (``NAME`` or ``NAME@VERSION``), else the option `box`."""
        given = options.get("box", "")
        of_options = cls(**given) if isinstance(given, dict) else cls._named(given)
        if not image:
            return of_options
        named = cls._named(image)
        # The URL says where the box of that name is, whatever its version.
        return cls(named.name, named.version, of_options.url if of_options.name == named.name else "")

    @classmethod
    def _named(cls, text: str) -> Box:
        name, _, version = text.partition("@")
        return cls(name, version)


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a machine that is forwarded from one of this computer's loopback."""

    guest: int
    host: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a machine after its pool's and its own were laid over the provider's. Times are in seconds."""

    hypervisor: str = LIBVIRT
    box: Box = Box()
    ports: tuple[Port, ...] = ()
    ssh_user: str = ""
    ssh_key: str = ""
    boot_timeout: int = 600
    timeout: int = 1800
    storage_pool: str = ""
    console: bool = True

    @classmethod
    def read(cls, options: Json, image: str = "") -> Settings:
        """Read options that the schema accepts."""
        plain = ("hypervisor", "boot_timeout", "timeout", "storage_pool", "console")
        ssh = options.get("ssh", {})
        return cls(
            **{name: options[name] for name in plain if name in options},
            box=Box.read(image, options),
            ports=tuple(Port(**port) for port in options.get("ports", ())),
            ssh_user=ssh.get("user", ""),
            ssh_key=ssh.get("private_key", ""),
        )
