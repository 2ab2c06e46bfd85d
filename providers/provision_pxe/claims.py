"""Who of the spec is which machine of the inventory. Pure: the same spec and lock, the same claims."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.provider import Claim
from provision_pxe.settings import Choice, inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json
    from provision_pxe.settings import Hardware


def assign(machines: Mapping[str, Json], kept: Mapping[str, str]) -> dict[str, Claim]:
    """Return the claims; machines that find none are missing.

    First come those that name their machine, then those that claimed one before and still may, then all others: those
    with a list, then the most selective, each taking the first free machine of its list, or of the inventory by name.
    """
    have = inventory(next(iter(machines.values()), {}))
    choices = {name: Choice.read(options) for name, options in machines.items()}
    named = [(name, [c.machine] if c.machine in have else []) for name, c in choices.items() if c.machine]
    others = {name: fitting(choice, have) for name, choice in choices.items() if not choice.machine}
    before = [(name, [kept[name]]) for name, fit in others.items() if kept.get(name) in fit]
    order = sorted(others, key=lambda name: (not choices[name].machines, -len(choices[name].select)))
    taken: dict[str, str] = {}
    used: set[str] = set()
    for name, candidates in (*named, *before, *((name, others[name]) for name in order)):
        free = next((one for one in candidates if one not in used), None)
        if free is not None and name not in taken:
            taken[name] = free
            used.add(free)
    return {name: Claim(taken[name], have[taken[name]].address) for name in choices if name in taken}


def fitting(choice: Choice, have: Mapping[str, Hardware]) -> list[str]:
    """Return the machines of the inventory that a choice may claim, the first choice first."""
    names = [name for name in choice.machines if name in have] if choice.machines else sorted(have, key=_natural)
    return [name for name in names if choice.select.items() <= have[name].labels.items()]


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sort ``rack1-9`` before ``rack1-10``."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]
