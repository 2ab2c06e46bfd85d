"""JSON Schemas for editors, made from the field tables: what completes and checks a ``.bu`` file while it is typed.

Types are as wide as the compiler's: YAML's ``path: 5`` is a string to it, and null is the same as nothing. What
compiles fits its schema, but for numbers with fractions, which Go cuts off; the reverse cannot be said in JSON Schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provision.firstboot.butane.variants import Variant, names, variant
from provision.firstboot.decode import NO, YES
from provision.firstboot.fields import holds, load_table

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Struct

Schema = dict[str, Any]
Refused = frozenset[tuple[str, ...]]
"""Paths in the generated config, below the type at hand, that the variant refuses."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[str, Schema] = {
    "str": {"type": ["string", "number", "boolean", "null"]},
    "int": {"type": ["integer", "null"]},
    "bool": {"anyOf": [{"type": ["boolean", "null"]}, {"enum": sorted(YES | NO)}]},
}


def json_schema(name: str = "", version: str = "") -> Schema:
    """Return the JSON Schema (Draft 2020-12) of a variant at a version; without a name, one that chooses by the header.

    Raises:
        KeyError: there is no such variant or version.
    """
    chosen = [each for each in map(_variant, names()) if not name or (each.name, each.version) == (name, version)]
    if not chosen:
        raise KeyError(f"{name} {version}")
    maker = _Maker()
    if name:
        whole = maker.config(chosen[0])
        return {"$schema": DIALECT, "title": f"Butane: {name} {version}", **whole, "$defs": maker.definitions}
    return {
        "$schema": DIALECT,
        "title": "Butane: every variant and version",
        "type": "object",
        "required": ["variant", "version"],
        "properties": {
            "variant": {**_hint("Config", "variant"), "enum": list(dict.fromkeys(each.name for each in chosen))},
            "version": _hint("Config", "version"),
        },
        "allOf": [_branch(maker, each) for each in chosen] + _versions(chosen),
        "$defs": maker.definitions,
    }


def _variant(named: tuple[str, str]) -> Variant:
    found = variant(*named)
    if found is None:
        raise KeyError(f"{named[0]} {named[1]}")
    return found


def _branch(maker: _Maker, chosen: Variant) -> Schema:
    header = {"variant": {"const": chosen.name}, "version": {"const": chosen.version}}
    return {"if": {"required": list(header), "properties": header}, "then": maker.config(chosen)}


def _versions(chosen: list[Variant]) -> list[Schema]:
    return [
        {
            "if": {"required": ["variant"], "properties": {"variant": {"const": name}}},
            "then": {"properties": {"version": {"enum": [each.version for each in chosen if each.name == name]}}},
        }
        for name in dict.fromkeys(each.name for each in chosen)
    ]


def _hint(type_name: str, name: str) -> Schema:
    table = load_table("butane", "hints")
    found = table.get(f"{type_name}.{name}") or table.get(f"Resource.{name}" if type_name == "FileContents" else "", {})
    return {"description": found["description"]} if found else {}


@dataclass(slots=True)
class _Maker:
    """Makes schemas; types that are equal are defined once."""

    definitions: dict[str, Schema] = field(default_factory=dict)
    _base: tuple[int, ...] = ()

    def config(self, chosen: Variant) -> Schema:
        """Return the schema of a whole config."""
        self._base = (chosen.base,)
        made = self._type(chosen.struct, frozenset(chosen.forbidden))
        for name, value in (("variant", chosen.name), ("version", chosen.version)):
            made["properties"][name] = {**_hint("Config", name), "const": value}
        return {**made, "type": "object"}

    def _type(self, struct: Struct, refused: Refused) -> Schema:
        properties = {
            name: self._property(each, struct, frozenset(p[1:] for p in refused if p[0] == each.camel and p[1:]))
            for name, each in struct.fields.items()
            if (each.camel,) not in refused
        }
        made: Schema = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
        required = load_table("butane", "hints")["_required"].get(struct.name)
        return {**made, "required": required} if required else made

    def _property(self, each: Field, struct: Struct, refused: Refused) -> Schema:
        made = {**_hint(struct.name, each.name), **self._value(each, refused)}
        rules = load_table("butane", "hints").get(f"{struct.name}.{each.name}", {})
        if "pattern" in rules:
            made["pattern"] = rules["pattern"]
        if "values" in rules:
            del made["type"]
            values = [value for value in (holds(entry, self._base) for entry in rules["values"]) if value]
            made["enum"] = [*values, *(int(value) for value in values if value.isdigit()), "", None]
        return made

    def _value(self, each: Field, refused: Refused) -> Schema:
        if each.struct is not None:
            return {"$ref": f"#/$defs/{self._defined(each.struct, refused)}"}
        if each.item is None:
            return dict(_SCALARS[each.kind])
        items = self._value(each.item, refused)
        if each.kind == "list":
            return {"type": ["array", "null"], "items": items}
        return {"type": ["object", "null"], "additionalProperties": items}

    def _defined(self, struct: Struct, refused: Refused) -> str:
        made = self._type(struct, refused)
        for n in range(1, 100):
            name = struct.name if n == 1 else f"{struct.name}-{n}"
            if self.definitions.setdefault(name, made) == made:
                return name
        raise AssertionError(f"{struct.name} differs in too many ways")
