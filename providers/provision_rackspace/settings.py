"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.model import Json


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a cluster, or of one machine after its pool's and its own were laid over them."""

    region: str = ""
    auth_url: str = ""
    credentials: str = ""  # a file, relative to the spec
    image: str = ""
    network: str = ""  # an existing cloud network, or "" for one of our own
    public: bool = True
    servicenet: bool = True
    key_name: str = ""

    @classmethod
    def read(cls, options: Json) -> Settings:
        """Read options that the schema accepts; what belongs to other readers is passed over."""
        plain = ("region", "auth_url", "credentials", "image", "public", "servicenet", "key_name")
        network = options.get("network", {}).get("name", "")
        return cls(**{name: options[name] for name in plain if name in options}, network=network)
