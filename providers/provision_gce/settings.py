"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The account that a machine acts as; "" for none."""

    email: str = ""
    scopes: tuple[str, ...] = (CLOUD_PLATFORM,)


@dataclass(frozen=True, slots=True)
class BootDisk:
    """The boot disk; None leaves the choice to GCE and the image."""

    type: str | None = None
    size_gib: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a cluster, or of one machine after its pool's and its own were laid over them."""

    project: str = ""
    region: str = ""
    endpoint_url: str = ""
    image: str = ""
    image_sources: Mapping[str, str] = field(default_factory=dict)
    network: str = ""  # an existing network, or "" for one of our own
    subnetwork: str = ""
    tags: tuple[str, ...] = ()
    planned_addresses: bool = True
    service_account: ServiceAccount = field(default_factory=ServiceAccount)
    boot_disk: BootDisk = field(default_factory=BootDisk)
    spot: bool = False
    associate_public_ip: bool = True
    extendable_hours: int = 0
    restart_to_extend: bool = False

    @classmethod
    def read(cls, options: Json) -> Settings:
        """Read options that the schema accepts; what belongs to other readers is passed over."""
        network: dict[str, Any] = options.get("network", {})
        account: dict[str, Any] = options.get("service_account", {})
        plain = ("project", "region", "endpoint_url", "image", "image_sources", "spot", "associate_public_ip")
        return cls(
            **{name: options[name] for name in (*plain, "extendable_hours", "restart_to_extend") if name in options},
            network=network.get("name", ""),
            subnetwork=network.get("subnetwork", ""),
            tags=tuple(network.get("tags", ())),
            planned_addresses=network.get("planned_addresses", "name" not in network),
            service_account=ServiceAccount(account.get("email", ""), tuple(account.get("scopes", (CLOUD_PLATFORM,)))),
            boot_disk=BootDisk(**options.get("boot_disk", {})),
        )
