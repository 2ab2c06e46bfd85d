"""Ignition 2 JSON as Go writes it: unlike Ignition 3's, sections that are empty are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition.serialise import to_json
from provision.firstboot.ignition2.model import types

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Plain, Struct


def serialise(config: dict[str, Any], *, pretty: bool = False) -> str:
    """Return a config as JSON without a newline at the end; `pretty` indents by two spaces.

    Raises:
        KeyError: the config's version is not known.
    """
    return to_json(ordered(config, types(config["ignition"]["version"])), pretty=pretty)


def ordered(value: dict[str, Any], struct: Struct) -> dict[str, Any]:
    """Return a config with its fields in order and its empty sections, without zero values that Go leaves out."""
    result: dict[str, Any] = {}
    for name, field in struct.fields.items():
        inner = value.get(name)
        if inner is None:
            if field.always or (field.struct is not None and not field.pointer):
                result[name] = _zero(field)
        elif field.struct is not None:
            result[name] = ordered(inner, field.struct)
        elif inner or field.pointer or field.always:
            result[name] = _items(inner, field)
    return result


def _items(inner: Plain, field: Field) -> Plain:
    struct = field.item.struct if field.item is not None else None
    if struct is not None:
        return [ordered(item, struct) for item in inner]
    return (inner or None) if field.item is not None else inner


def _zero(field: Field) -> Plain:
    if field.struct is not None:
        return ordered({}, field.struct)
    return "" if field.kind == "str" else None
