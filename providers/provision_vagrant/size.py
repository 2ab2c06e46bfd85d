"""A machine's size: processors and memory. The disk is the box's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.providing import sizes
from provision.providing.sizes import Problem

if TYPE_CHECKING:
    from provision.model import Json

UNITS = {"MiB": 1, "GiB": 1024}
KEYS = ("cpus", "memory")
MOST_CPUS = 255


@dataclass(frozen=True, slots=True)
class Size:
    """A machine's size; `memory` in MiB."""

    cpus: int = 1
    memory: int = 1024

    def __str__(self) -> str:
        return f"{self.cpus} cpu{'s' * (self.cpus > 1)}, {self.memory} MiB"


def parse(size: str | Json) -> tuple[Size, list[Problem]]:
    """Read a size; what cannot be read has its default, and is named in the problems."""
    problems: list[Problem] = []
    given = sizes.mapping(size, KEYS, problems)
    cpus = sizes.cpus(given, 1, MOST_CPUS, problems)
    return Size(cpus or Size().cpus, _memory(given, problems)), problems


def _memory(size: Json, problems: list[Problem]) -> int:
    value = size.get("memory", f"{Size().memory}MiB")
    match = re.fullmatch(r"([1-9][0-9]{0,6}) ?(MiB|GiB)", str(value))
    if match:
        return int(match[1]) * UNITS[match[2]]
    problems.append(Problem("memory", f"{value!r} is not an amount of memory", "write it as 768MiB or 4GiB"))
    return Size().memory
