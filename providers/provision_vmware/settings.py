"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.model import Json

HTTPS = 443
CONNECTION = frozenset({"server", "ca_file", "pin"})
"""Options that say how the server is reached, and nothing of what a machine is."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """How machines are told their planned addresses; an empty gateway leaves it to DHCP."""

    gateway: str = ""
    dns: tuple[str, ...] = ()
    interface: str = "ens192"  # the first VMXNET3 interface of a machine made from the usual images

    @classmethod
    def read(cls, options: Json) -> Addresses:
        """Read the section `addresses`."""
        return cls(**{**options, "dns": tuple(options.get("dns", ()))})


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a cluster, or of one machine after its pool's and its own were laid over them."""

    server: str = ""
    ca_file: str = ""
    pin: str = ""
    esxi: bool = False
    datacenter: str = ""
    folder: str = "provision"
    resource_pool: str = ""
    datastore: str = ""
    datastore_cluster: str = ""
    network: str = ""
    image: str = ""
    linked_clone: bool = False
    hardware_version: int = 0
    guest_id: str = "other5xLinux64Guest"
    console: bool = True
    anti_affinity: bool = True
    addresses: Addresses = Addresses()

    @classmethod
    def read(cls, options: Json) -> Settings:
        """Read options that the schema accepts; what belongs to other readers is passed over."""
        own = {field.name for field in fields(cls)} - {"addresses"}
        given = {name: value for name, value in options.items() if name in own}
        return cls(**given, addresses=Addresses.read(options.get("addresses", {})))

    @property
    def host(self) -> str:
        """The server's name without its port."""
        return self.server.partition(":")[0]

    @property
    def port(self) -> int:
        """The server's port."""
        return int(self.server.partition(":")[2] or HTTPS)

    @property
    def planned(self) -> bool:
        """Whether machines take planned addresses."""
        return bool(self.addresses.gateway)
