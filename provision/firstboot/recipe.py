"""Recipes: first-boot configs with named slots for what only `up` knows.

A slot stands in the config as a marker of characters that no URL escapes, so that it survives in a unit's text and in a
``data:`` URL alike. Compiling, fingerprinting and planning see the marker; `bind` puts the material in its place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.errors import PlanError
from provision.firstboot.ignition import dataurl, serialise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.model import Json

MARK = "(~provision.slot."
"""How every marker begins; a user's config must not hold it."""

MARKER = re.compile(re.escape(MARK) + r"([a-z0-9][a-z0-9._-]*)~\)")
DATA = "data:,"


class Kind(StrEnum):
    """What a slot is for."""

    BOOTSTRAP = "bootstrap"  # how an etcd member finds the others: a token's URL, or the initial cluster
    DEADLINE = "deadline"
    NONCE = "nonce"
    URL = "url"
    CERTIFICATE = "certificate"
    KEY = "key"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class Slot:
    """An open place: its name, what it is for, and the largest material in bytes that it takes."""

    name: str
    kind: Kind
    max_size: int

    @property
    def marker(self) -> str:
        """The text that stands for it in the config."""
        return f"{MARK}{self.name}~)"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One machine's first-boot config with its slots open; `body` is an Ignition config with markers."""

    machine: str
    spec_version: str
    body: Json
    slots: Mapping[str, Slot]


def markers(value: object) -> Iterator[str]:
    """Yield the names of all slots that a JSON value holds, once for each place."""
    for found in MARKER.finditer(json.dumps(value, ensure_ascii=False)):
        yield found[1]


def bind(recipe: Recipe, materials: Mapping[str, str]) -> str:
    """Put materials into a recipe's slots and return the Ignition config's text.

    Raises:
        PlanError: PV405 a slot has no material, or PV406 its material is larger than the slot.
    """
    missing = sorted(recipe.slots.keys() - materials.keys())
    if missing:
        raise PlanError(f"{recipe.machine}: there is nothing for {', '.join(missing)} [PV405]")
    for slot in recipe.slots.values():
        size = len(materials[slot.name].encode())
        if size > slot.max_size:
            raise PlanError(f"{recipe.machine}: {slot.name} has {size} bytes, and room for {slot.max_size} [PV406]")
    return serialise(_fill(recipe.body, materials), spec=recipe.spec_version)


def describe(recipe: Recipe) -> str:
    """Return the config for people, with its slots as they stand in it, by name."""
    return serialise(recipe.body, pretty=True, spec=recipe.spec_version)


def _fill(value: object, materials: Mapping[str, str]) -> Json:
    filled: Json = _filled(value, materials)  # type: ignore[assignment]
    return filled


def _filled(value: object, materials: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {k: _filled(v, materials) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, materials) for v in value]
    if isinstance(value, str) and MARK in value:
        escape = _escape if value.startswith(DATA) else str
        return MARKER.sub(lambda m: escape(materials[m[1]]), value)
    return value


def _escape(material: str) -> str:
    return dataurl.escaped(material.encode()).removeprefix(DATA)
