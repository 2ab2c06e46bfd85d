"""What is added to one machine, independent of the format that will carry it."""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "provision-"
"""Units of ours begin so."""

HOME = "/etc/provision"
"""The directory of our files; container Linux's /usr cannot be written."""

RESERVED = re.compile(r"(\d+-)?provision-.*|20-provision\.conf")
"""Names of units, drop-ins and configuration files (without their directory) that a node config may not use."""

RESERVED_IN = ("/etc/systemd/", "/etc/NetworkManager/", "/etc/zincati/")
"""Where files with such names would meet ours; elsewhere they are the user's."""


@dataclass(frozen=True, slots=True)
class File:
    """A file with its whole text; `owner` is a user's name or id."""

    path: str
    text: str
    mode: int = 0o644
    owner: str | int = "root"


@dataclass(frozen=True, slots=True)
class DropIn:
    """A drop-in of a unit; systemd reads drop-ins in the order of their names."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of ours (with a text), or one of the system's that is enabled or gets drop-ins (without)."""

    name: str
    text: str | None = None
    enabled: bool | None = None
    drop_ins: tuple[DropIn, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """A user, made by the system or by us, who gets SSH keys."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Additions:
    """Everything that is added to one machine; `fleet` is fleet's metadata, ``key=value`` with commas, "" for none."""

    files: tuple[File, ...] = ()
    units: tuple[Unit, ...] = ()
    users: tuple[User, ...] = ()
    fleet: str = ""

    @property
    def all_units(self) -> tuple[Unit, ...]:
        """All units, fleet's with its metadata in a drop-in; for formats that have no section for fleet."""
        if not self.fleet:
            return self.units
        drop_in = DropIn("20-provision.conf", f'[Service]\nEnvironment="FLEET_METADATA={self.fleet}"\n')
        return (*self.units, Unit("fleet.service", enabled=True, drop_ins=(drop_in,)))

    def __add__(self, other: Additions) -> Additions:
        """Return both, in order."""
        return Additions(
            self.files + other.files, self.units + other.units, self.users + other.users, self.fleet or other.fleet
        )
