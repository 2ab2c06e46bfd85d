"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json


@dataclass(frozen=True, slots=True)
class Volume:
    """The root volume that a machine boots from; `type` "" leaves the choice to cinder."""

    size_gib: int
    type: str = ""


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """Machines that nova keeps on different hosts."""

    name: str
    policy: str = "anti-affinity"


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a cluster, or of one machine after its pool's and its own were laid over them."""

    cloud: str = ""
    region: str = ""
    image: str = ""
    upload_images: bool = False
    image_sources: Mapping[str, str] = field(default_factory=dict)
    network: str = ""  # an existing network, or "" for one of our own
    planned_addresses: bool = True
    router: bool = True
    external_network: str = ""
    nameservers: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    key_name: str = ""
    floating_ip: bool = False
    config_drive: bool = True
    server_group: ServerGroup | None = None
    volume: Volume | None = None

    @classmethod
    def read(cls, options: Json) -> Settings:
        """Read options that the schema accepts; what belongs to other readers is passed over."""
        network = options.get("network", {})
        plain = (
            "cloud", "region", "image", "upload_images", "image_sources", "external_network", "router", "key_name",
            "config_drive",
        )  # fmt: skip
        own = "name" not in network
        reached = own and bool(options.get("router", True))
        volume, group = options.get("volume"), options.get("server_group")
        return cls(
            **{name: options[name] for name in plain if name in options},
            network=network.get("name", ""),
            planned_addresses=network.get("planned_addresses", own),
            nameservers=tuple(options.get("nameservers", ())),
            security_groups=tuple(options.get("security_groups", ())),
            floating_ip=bool(options.get("floating_ip", reached)),
            server_group=ServerGroup(**group) if group else None,
            volume=Volume(**volume) if volume else None,
        )
