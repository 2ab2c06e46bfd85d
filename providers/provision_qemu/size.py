"""A machine's size: cpus, memory and disk, with units that say what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.providing import sizes
from provision.providing.sizes import MIB

if TYPE_CHECKING:
    from provision.model import Json
    from provision.providing.sizes import Problem

KEYS = ("cpus", "memory", "disk")
MOST_CPUS = 255
"""QEMU's limit of the machine `pc`."""


@dataclass(frozen=True, slots=True)
class Size:
    """A machine's size; `memory` in MiB, `disk` in bytes, 0 for as large as the image."""

    cpus: int = 1
    memory: int = 768
    disk: int = 0

    def __str__(self) -> str:
        disk = f", {self.disk // MIB} MiB disk" if self.disk else ""
        return f"{self.cpus} cpu{'s' * (self.cpus > 1)}, {self.memory} MiB{disk}"


def parse(size: str | Json) -> tuple[Size, list[Problem]]:
    """Read a size; what cannot be read has its default, and is named in the problems."""
    problems: list[Problem] = []
    given = sizes.mapping(size, KEYS, problems)
    cpus = sizes.cpus(given, 1, MOST_CPUS, problems)
    memory, disk = (sizes.amount(given, key, problems) for key in ("memory", "disk"))
    return Size(cpus or 1, memory // MIB or 768, disk), problems
