"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

ROOT_DEVICE = "/dev/xvda"
"""The root device of the AMIs of Flatcar and Fedora CoreOS."""


@dataclass(frozen=True, slots=True)
class RootVolume:
    """The root volume; None leaves the choice to the AMI."""

    device: str = ROOT_DEVICE
    type: str | None = None
    size_gib: int | None = None
    encrypted: bool | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a cluster, or of one machine after its pool's and its own were laid over them."""

    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    image: str = ""
    image_sources: Mapping[str, str] = field(default_factory=dict)
    vpc: str = ""  # an existing VPC, or "" for one of our own
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    planned_addresses: bool = True
    key_name: str = ""
    instance_profile: str = ""
    root_volume: RootVolume = field(default_factory=RootVolume)
    spot: bool = False
    associate_public_ip: bool = True

    @classmethod
    def read(cls, options: Json) -> Settings:
        """Read options that the schema accepts; what belongs to other readers is passed over."""
        vpc: dict[str, Any] = options.get("vpc", {})
        plain = ("region", "profile", "endpoint_url", "image", "image_sources", "key_name", "instance_profile", "spot")
        return cls(
            **{name: options[name] for name in (*plain, "associate_public_ip") if name in options},
            vpc=vpc.get("id", ""),
            subnets=tuple(vpc.get("subnets", ())),
            security_groups=tuple(vpc.get("security_groups", ())),
            planned_addresses=vpc.get("planned_addresses", "id" not in vpc),
            root_volume=RootVolume(**options.get("root_volume", {})),
        )
