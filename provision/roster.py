"""The names of a batch, in labels that all its machines share. A leaf; pure.

Machines that one call makes are alike, labels included, and told apart by their number in the call. So each carries the
names of all, in the order of their numbers, spelt ``web-1..50@1 gpu-3@2``: name or range, ``@``, generation. Labels are
complete at creation then, without a further call for each machine.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provision.model import Labels


def write(machines: Sequence[tuple[str, int]], key: str, limit: int) -> dict[str, str]:
    """Write names and generations into as many labels as they need.

    Args:
        machines: name and generation of each, in the order of their numbers.
        key: the first label's name; others have ``.1``, ``.2`` behind it.
        limit: characters that one label holds.
    """
    lines = [""]
    for word in _words(machines):
        longer = f"{lines[-1]} {word}".lstrip()
        if len(longer) > limit:
            lines.append(word)
        else:
            lines[-1] = longer
    return {f"{key}{f'.{n}' if n else ''}": line for n, line in enumerate(lines)}


def read(labels: Mapping[str, str], key: str) -> list[tuple[str, int]]:
    """Read what `write` wrote.

    Raises:
        ValueError: the labels were changed by another hand.
    """
    found: list[tuple[str, int]] = []
    number = 0
    while line := labels.get(f"{key}{f'.{number}' if number else ''}", ""):
        for word in line.split():
            found += _spelt_out(word)
        number += 1
    return found


def by_index(labels: Iterable[Labels]) -> list[Labels]:
    """Return the order in which a batch's machines are numbered: numbers in names count as numbers."""
    return sorted(labels, key=lambda each: _split(each.machine))


def _split(name: str) -> tuple[str, int]:
    """Split ``web-12`` into ``web-`` and 12; a number that would not come back the same is left in the name."""
    found = re.fullmatch(r"(.*[^0-9])(0|[1-9][0-9]*)", name)
    return (found[1], int(found[2])) if found else (name, -1)


def _words(machines: Sequence[tuple[str, int]]) -> Iterator[str]:
    numbered = [(position, *_split(name), generation) for position, (name, generation) in enumerate(machines)]
    # Neighbours belong to one range when position and number grow together.
    for _, run in groupby(numbered, key=lambda m: (m[1], m[2] - m[0] if m[2] >= 0 else f"alone {m[0]}", m[3])):
        group = list(run)
        prefix, first, last, generation = group[0][1], group[0][2], group[-1][2], group[0][3]
        number = "" if first < 0 else str(first) if first == last else f"{first}..{last}"
        yield f"{prefix}{number}@{generation}"


def _spelt_out(word: str) -> list[tuple[str, int]]:
    names, _, generation = word.rpartition("@")
    found = re.fullmatch(r"(.*?)([0-9]+)\.\.([0-9]+)", names)
    if not found:
        return [(names, int(generation))]
    return [(f"{found[1]}{n}", int(generation)) for n in range(int(found[2]), int(found[3]) + 1)]
