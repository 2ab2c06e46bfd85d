"""What is added to one machine, independent of the format that will carry it."""

from __future__ import annotations

from dataclasses import dataclass, field

PREFIX = "provision-"
"""Units and drop-ins of ours begin so, and a node config may not use the prefix."""

HOME = "/etc/provision"
"""The directory of our files, reserved as well; container Linux's /usr cannot be written."""


@dataclass(frozen=True, slots=True)
class File:
    """A file with its whole text, owned by root."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class DropIn:
    """A unit's drop-in, named without ``provision-`` and with ``.conf``."""

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
class Additions:
    """Everything that is added to one machine. `keys` are the SSH keys of the user `user`."""

    files: tuple[File, ...] = ()
    units: tuple[Unit, ...] = ()
    keys: tuple[str, ...] = ()
    user: str = field(default="core")

    def __add__(self, other: Additions) -> Additions:
        """Return both, in order."""
        return Additions(self.files + other.files, self.units + other.units, self.keys + other.keys, self.user)
