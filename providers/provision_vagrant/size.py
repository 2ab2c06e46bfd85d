"""A machine's size: processors and memory. The disk is the box's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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


class Problem(NamedTuple):
    """Something wrong with one key of a size; the key is "" for the size as a whole."""

    key: str
    message: str
    hint: str


def parse(size: str | Json) -> tuple[Size, list[Problem]]:
    """Read a size; what cannot be read has its default, and is named in the problems."""
    if not size:
        return Size(), []
    if isinstance(size, str):
        return Size(), [Problem("", f"{size!r} is not a size of this provider", "write cpus and memory")]
    problems = [Problem(str(k), f"a size has no {k!r}", "it has cpus and memory") for k in size if k not in KEYS]
    return Size(_cpus(size, problems), _memory(size, problems)), problems


def _cpus(size: Json, problems: list[Problem]) -> int:
    value = size.get("cpus", Size().cpus)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_CPUS:
        return value
    problems.append(Problem("cpus", f"{value!r} is not a number of cpus", f"write a number from 1 to {MOST_CPUS}"))
    return Size().cpus


def _memory(size: Json, problems: list[Problem]) -> int:
    value = size.get("memory", f"{Size().memory}MiB")
    match = re.fullmatch(r"([1-9][0-9]{0,6}) ?(MiB|GiB)", str(value))
    if match:
        return int(match[1]) * UNITS[match[2]]
    problems.append(Problem("memory", f"{value!r} is not an amount of memory", "write it as 768MiB or 4GiB"))
    return Size().memory
