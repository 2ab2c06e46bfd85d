"""A machine's size where the spec says it by numbers: cpus, and amounts with units that say what they mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Json

MIB = 1024**2
UNITS = {"MiB": MIB, "GiB": 1024 * MIB, "TiB": 1024**2 * MIB}


class Problem(NamedTuple):
    """Something wrong with one key of a size; the key is "" for the size as a whole."""

    key: str
    message: str
    hint: str


def mapping(size: str | Json, keys: Sequence[str], problems: list[Problem]) -> Json:
    """Return a size's mapping, empty when it is none.

    Args:
        size: as the spec has it.
        keys: that it may have.
        problems: where the name of a size, and keys that it may not have, are put.
    """
    if isinstance(size, str):
        if size:
            message = f"{size!r} is not a size of this provider"
            problems.append(Problem("", message, f"write {', '.join(keys[:-1])} and {keys[-1]}"))
        return {}
    problems.extend(_strange(size, keys))
    return size


def cpus(size: Json, least: int, most: int, problems: list[Problem]) -> int:
    """Return a size's `cpus`; 0 when it has none, or none that can be (which is put under the problems)."""
    value = size.get("cpus", 0)
    if "cpus" not in size or (isinstance(value, int) and not isinstance(value, bool) and least <= value <= most):
        return int(value)
    problems.append(Problem("cpus", f"{value!r} is not a number of cpus", f"write a whole number from 1 to {most}"))
    return 0


def amount(size: Json, key: str, problems: list[Problem]) -> int:
    """Return an amount such as ``768MiB`` in bytes; 0 when there is none, or none that can be."""
    if key not in size:
        return 0
    match = re.fullmatch(r"([1-9][0-9]*) ?(MiB|GiB|TiB)", str(size[key]))
    if match:
        return int(match[1]) * UNITS[match[2]]
    problems.append(Problem(key, f"{size[key]!r} is not an amount of {key}", "write it as 768MiB or 4GiB"))
    return 0


def _strange(size: Json, keys: Sequence[str]) -> Iterator[Problem]:
    return (Problem(str(key), f"a size has no {key!r}", f"it has {', '.join(keys)}") for key in size if key not in keys)
