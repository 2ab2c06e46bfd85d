"""A machine's size: cpus, memory and disk, with units that say what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from provision.model import Json

MIB = 1024**2
UNITS = {"MiB": MIB, "GiB": 1024 * MIB, "TiB": 1024**2 * MIB}
KEYS = ("cpus", "memory", "disk")


@dataclass(frozen=True, slots=True)
class Size:
    """A machine's size; `memory` in MiB, `disk` in bytes; 0 is what the template has."""

    cpus: int = 0
    memory: int = 0
    disk: int = 0


class Problem(NamedTuple):
    """Something wrong with one key of a size; the key is "" for the size as a whole."""

    key: str
    message: str
    hint: str


def parse(size: str | Json) -> tuple[Size, list[Problem]]:
    """Read a size; what cannot be read is as the template has it, and is named in the problems."""
    if not size:
        return Size(), []
    if isinstance(size, str):
        return Size(), [Problem("", f"{size!r} is not a size of this provider", "write cpus, memory and disk")]
    problems = [Problem(str(k), f"a size has no {k!r}", f"it has {', '.join(KEYS)}") for k in size if k not in KEYS]
    cpus = _cpus(size, problems)
    memory, disk = (_amount(size, key, problems) for key in ("memory", "disk"))
    if memory % (4 * MIB):
        problems.append(Problem("memory", f"{size['memory']} is not a multiple of 4 MiB", "vSphere wants one"))
    return Size(cpus, memory // MIB, disk), problems


def _cpus(size: Json, problems: list[Problem]) -> int:
    value = size.get("cpus", 0)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 128:
        return value
    problems.append(Problem("cpus", f"{value!r} is not a number of cpus", "write a whole number from 1 to 128"))
    return 0


def _amount(size: Json, key: str, problems: list[Problem]) -> int:
    if key not in size:
        return 0
    match = re.fullmatch(r"([1-9][0-9]*) ?(MiB|GiB|TiB)", str(size[key]))
    if match:
        return int(match[1]) * UNITS[match[2]]
    problems.append(Problem(key, f"{size[key]!r} is not an amount of {key}", "write it as 768MiB or 4GiB"))
    return 0
