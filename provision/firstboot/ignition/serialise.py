"""Ignition JSON as Go writes it: fields in its types' order, no empty sections, ``<``, ``>`` and ``&`` escaped."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition.model import types

if TYPE_CHECKING:
    from provision.firstboot.fields import Plain, Struct

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = re.compile(r"\\(.)")


def serialise(config: dict[str, Any], *, pretty: bool = False, spec: str | None = None) -> str:
    """Return a config as JSON without a newline at the end; `pretty` indents by two spaces.

    Raises:
        KeyError: the version (by default the config's own) is not known.
    """
    return to_json(ordered(config, types(spec or config["ignition"]["version"])), pretty=pretty)


def to_json(value: Plain, *, pretty: bool = False) -> str:
    """Return a value as ``encoding/json`` writes it, in the order in which it stands."""
    if pretty:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # These can stand in strings only, so the whole text is replaced at once.
    for char, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028")):
        if char in text:
            text = text.replace(char, escape)
    text = text.replace("\u2029", "\\u2029")
    if "\\b" in text or "\\f" in text:
        text = _SHORT.sub(lambda m: {"b": "\\u0008", "f": "\\u000c"}.get(m[1], m[0]), text)
    if not text.isascii() and _SURROGATE.search(text):
        text = _SURROGATE.sub("\\\\ufffd", text)
    return text


def ordered(value: dict[str, Any], struct: Struct) -> dict[str, Any]:
    """Return a config with its fields in order, without what Go would leave out."""
    result: dict[str, Any] = {}
    # Most values hold few of their type's fields, so these are sorted instead of looking for each.
    names = [name for name in value if name in struct.order]
    names += [field.name for field in struct.always if field.name not in value]
    if len(names) > 1:
        names.sort(key=struct.order.__getitem__)
    for name in names:
        field, inner = struct.fields[name], value.get(name)
        if inner is None:
            if field.always:
                result[name] = {"str": "" if not field.pointer else None, "struct": {}}.get(field.kind)
            continue
        if field.struct is not None:
            inner = ordered(inner, field.struct)
        elif field.item is not None and field.item.struct is not None:
            inner = [ordered(item, field.item.struct) for item in inner]
        if inner or field.always or (field.pointer and field.kind != "list"):
            result[name] = inner
    return result
