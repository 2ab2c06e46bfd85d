"""A machine's size: cpus, memory and disk, with units that say what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.providing import sizes
from provision.providing.sizes import MIB, Problem

if TYPE_CHECKING:
    from provision.model import Json

KEYS = ("cpus", "memory", "disk")
MOST_CPUS = 128


@dataclass(frozen=True, slots=True)
class Size:
    """A machine's size; `memory` in MiB, `disk` in bytes; 0 is what the template has."""

    cpus: int = 0
    memory: int = 0
    disk: int = 0


def parse(size: str | Json) -> tuple[Size, list[Problem]]:
    """Read a size; what cannot be read is as the template has it, and is named in the problems."""
    problems: list[Problem] = []
    given = sizes.mapping(size, KEYS, problems)
    cpus = sizes.cpus(given, 0, MOST_CPUS, problems)
    memory, disk = (sizes.amount(given, key, problems) for key in ("memory", "disk"))
    if memory % (4 * MIB):
        problems.append(Problem("memory", f"{given['memory']} is not a multiple of 4 MiB", "vSphere wants one"))
    return Size(cpus, memory // MIB, disk), problems
