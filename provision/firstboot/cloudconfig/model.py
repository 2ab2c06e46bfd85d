"""The type of a cloud-config, which values its fields may have, and which of them are of the past."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provision.firstboot.fields import Layer, Struct, build, load_table

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOAT = "float64"


@cache
def types() -> Struct:
    """Return the type of a whole cloud-config. Fields of type float64 are decoded as whole numbers."""
    config = build([Layer(load_table("cloudconfig", "types"), (), "config")], {}, "CloudConfig")
    _name_floats(config)
    return config


def deprecated(struct: Struct) -> Mapping[str, str]:
    """Return the fields of a type that still work, or still are accepted, each with what to know about it."""
    found: Mapping[str, str] = load_table("cloudconfig", "types")[struct.name].get("_deprecated", {})
    return found


def valid(struct: Struct) -> Mapping[str, str]:
    """Return the fields of a type whose values must match a regular expression of Go's."""
    found: Mapping[str, str] = load_table("cloudconfig", "types")[struct.name].get("_valid", {})
    return found


def _name_floats(struct: Struct) -> None:
    for field in struct.fields.values():
        if field.go == f"config.{FLOAT}":
            field.go = FLOAT
        inner = field.item.struct if field.item else field.struct
        if inner is not None:
            _name_floats(inner)
