"""Recipes: first-boot configs with named slots for what only `up` knows.

Compiling, fingerprinting and planning see slots by their names; `bind` puts the materials in their places.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.errors import PlanError
from provision.firstboot.canonical import canonical
from provision.firstboot.formats import written
from provision.firstboot.markers import SLOTS, fill_slots, in_unit, places
from provision.firstboot.slots import Kind, Slot, fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.model import Json

__all__ = ["Kind", "Recipe", "Slot", "bind", "describe"]

UNFIT_FOR_UNITS = re.compile(r"[\s\"'\\$]")
"""What systemd would take apart, expand or read as the end of a setting."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One machine's first-boot config with its slots open.

    `spec_version` names the format (see `provision.firstboot.formats`). `body` is a config with markers, `slots` all
    that stand in it, by name. `meaning` is the body without what does not matter to a machine, such as how a file's
    contents are encoded: what fingerprints and comparisons are made of.
    """

    machine: str
    spec_version: str
    body: Json = field(repr=False)
    slots: Mapping[str, Slot]
    meaning: Json = field(repr=False)

    @classmethod
    def of(cls, machine: str, spec_version: str, body: Json, slots: Mapping[str, Slot]) -> Recipe:
        """Return a recipe with its meaning worked out."""
        return cls(machine, spec_version, body, slots, canonical(body))

    @property
    def fingerprint(self) -> str:
        """The SHA-256, in hex, of what the recipe means, with slots by name: materials and their room do not count."""
        whole = {"format": "ignition", "body": self.meaning, "slots": {n: s.kind for n, s in self.slots.items()}}
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def bind(recipe: Recipe, materials: Mapping[str, str]) -> str:
    """Put materials into a recipe's slots and return the first-boot config's text.

    Raises:
        PlanError: PV405 a slot has no material, PV400 a material has no slot, PV406 one is too large, PV401 one is
            not of its slot's kind, PV403 a secret cannot stand in a unit.
    """
    faults = list(_faults(recipe, materials))
    if faults:
        raise PlanError(f"{recipe.machine}: {'; '.join(faults)}")
    return written(fill_slots(recipe.body, materials))


def describe(recipe: Recipe) -> str:
    """Return the config for people, with its slots as they stand in it, by name."""
    return written(recipe.body, pretty=True)


def _faults(recipe: Recipe, materials: Mapping[str, str]) -> Iterator[str]:
    missing, unknown = recipe.slots.keys() - materials.keys(), materials.keys() - recipe.slots.keys()
    if missing:
        yield f"there is nothing for {', '.join(sorted(missing))} [PV405]"
    if unknown:
        yield f"there is no slot for {', '.join(sorted(unknown))} [PV400]"
    for name in sorted(recipe.slots.keys() & materials.keys()):
        found = fault(recipe.slots[name], materials[name])
        if found:
            yield found
    yield from _unfit_for_units(recipe, materials)


def _unfit_for_units(recipe: Recipe, materials: Mapping[str, str]) -> Iterator[str]:
    if not any(slot.kind is Kind.SECRET for slot in recipe.slots.values()):
        return
    for path, text in places(recipe.body):
        for name in SLOTS.findall(text) if in_unit(path) else ():
            if UNFIT_FOR_UNITS.search(materials.get(name, "")):
                unit = recipe.body["systemd"]["units"][path[2]]["name"]
                yield f"{name} holds a character that a unit cannot: give {unit} the secret by a file [PV403]"
