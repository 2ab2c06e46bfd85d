"""The provider's options as values, with their defaults; the JSON Schema beside this file has checked them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

LIVE, INSTALL = "live", "install"


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine of the inventory. `power` is its power control, with the cluster's default under it."""

    name: str
    macs: tuple[str, ...] = ()
    uuid: str = ""
    serial: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    disks: tuple[str, ...] = ()
    architecture: str = "amd64"
    power: Json = field(default_factory=dict)

    @property
    def marks(self) -> tuple[str, ...]:
        """By what the machine is recognised when it boots."""
        return (*self.macs, *filter(None, (self.uuid, self.serial)))


@dataclass(frozen=True, slots=True)
class Choice:
    """What one machine of the spec asks for: which hardware, and what becomes of it."""

    machine: str = ""
    machines: tuple[str, ...] = ()
    select: Mapping[str, str] = field(default_factory=dict)
    mode: str = LIVE
    device: str = ""
    args: tuple[str, ...] = ()
    reinstall: bool = False
    max_boots: int = 6

    @classmethod
    def read(cls, options: Json) -> Choice:
        """Read one machine's options."""
        plain = ("machine", "select", "mode", "device", "reinstall", "max_boots")
        given = {name: options[name] for name in plain if name in options}
        return cls(**given, machines=tuple(options.get("machines", ())), args=tuple(options.get("args", ())))


def inventory(options: Json) -> dict[str, Hardware]:
    """Return the inventory that stands in options, in its order."""
    default: Json = options.get("power", {})
    found: dict[str, Json] = options.get("inventory", {})
    return {name: _hardware(name, entry or {}, default) for name, entry in found.items()}


def _hardware(name: str, entry: Json, default: Json) -> Hardware:
    macs = entry.get("mac", ())
    own: Json = entry.get("power", {})
    shared = default if own.get("kind", default.get("kind")) == default.get("kind") else {}
    return Hardware(
        name=name,
        macs=tuple(mac.lower().replace("-", ":") for mac in ([macs] if isinstance(macs, str) else macs)),
        uuid=str(entry.get("uuid", "")).lower(),
        serial=str(entry.get("serial", "")),
        labels={key: str(value) for key, value in entry.get("labels", {}).items()},
        address=entry.get("address", ""),
        disks=tuple(entry.get("disks", ())),
        architecture=entry.get("architecture", "amd64"),
        power={**shared, **own},
    )
