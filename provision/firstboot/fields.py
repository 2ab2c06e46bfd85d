"""Field tables: data in ``provision_schemas`` that say which fields a config has, of which type, since which version.

A table maps type names to fields, one string each: ``"bool? since 1.2"``. Types are ``str``, ``int``, ``bool``,
another type of the table, ``[T]`` (a list) and ``{T}`` (a map). ``T?`` may be unset, which differs from zero;
``T!`` is written even when it is zero. A field whose type changed has a list of such strings. Keys that begin with
``_`` are not fields: ``_checks`` (names of check functions), ``_key`` (what identifies an item of a list),
``_repeatable`` (lists that may hold duplicates), ``_shared`` (lists whose keys share one namespace).
"""

from __future__ import annotations

import json
import pkgutil
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Version = tuple[int, ...]
Plain = Any
"""What YAML or JSON can hold: a dict, list, str, int, bool or None."""
Check = Any
"""A check function; its arguments belong to the package that registers it."""

SCALARS = frozenset(("str", "int", "bool"))
_ENTRY = re.compile(r"(?P<type>\S+?)(?P<flags>[?!]*)(?: since (?P<since>[\d.]+))?(?: until (?P<until>[\d.]+))?$")


@dataclass(slots=True)
class Field:
    """One field. `kind` is str, int, bool, struct, list or map; `go` is the type's name in butane's messages."""

    name: str
    kind: str
    go: str
    pointer: bool = False
    always: bool = False
    struct: Struct | None = None
    item: Field | None = None
    checks: tuple[Check, ...] = ()
    camel: str = ""


@dataclass(slots=True)
class Struct:
    """One type at one version: its fields in the order in which they are written and checked."""

    name: str
    go: str
    fields: dict[str, Field] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    key: str = ""
    repeatable: frozenset[str] = frozenset()
    shared: Mapping[str, str] = field(default_factory=dict)
    nested: list[Field] = field(default_factory=list)
    """The fields that hold other types, or lists of them."""
    checked: list[Field] = field(default_factory=list)
    """The fields below which there is a check."""
    listed: list[Field] = field(default_factory=list)
    """The fields below which there is a list."""
    always: list[Field] = field(default_factory=list)
    """The fields that are written even when nothing set them."""
    order: dict[str, int] = field(default_factory=dict)
    """The place of each field."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A table at a version; `package` is the name that butane's messages give it."""

    table: Mapping[str, Any]
    version: Version
    package: str


@cache
def load_table(package: str, name: str) -> Mapping[str, Any]:
    """Read one table of ``provision_schemas``, such as ``("butane", "base")``."""
    # pkgutil finds them in a wheel or a zip as importlib.resources does, which takes 20 ms more to import.
    table: Mapping[str, Any] = json.loads(pkgutil.get_data("provision_schemas", f"{package}/{name}.json") or b"{}")
    return table


def version(text: str) -> Version:
    """Turn ``3.7.0-experimental`` or ``1.4`` into (3, 7, 0) or (1, 4)."""
    return tuple(int(part) for part in text.partition("-")[0].split("."))


def holds(entry: str, at: Version) -> str | None:
    """Return what an entry says without its ``since`` and ``until``, or None when it does not hold at a version."""
    match = _ENTRY.match(entry)
    if match is None:
        raise ValueError(f"not a table entry: {entry!r}")
    since, until = match["since"], match["until"]
    if (since and at < version(since)) or (until and at >= version(until)):
        return None
    return match["type"] + match["flags"]


def camel(name: str) -> str:
    """Write a Butane field's name as Ignition does: ``size_mib`` as ``sizeMiB``, ``home_dir`` as ``homeDir``."""
    if name.endswith("_mib"):
        name = name.removesuffix("_mib") + "MiB"
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def build(layers: Sequence[Layer], checks: Mapping[str, Callable[..., Any]], root: str = "Config") -> Struct:
    """Make the root type of one version from its layers; each layer may add types and add fields to the root.

    Raises:
        KeyError: a table names a type or a check that does not exist.
    """
    return _Builder(layers, checks, root).struct(root)


class _Builder:
    def __init__(self, layers: Sequence[Layer], checks: Mapping[str, Callable[..., Any]], root: str) -> None:
        self._layers = layers
        self._checks = checks
        self._root = root
        self._built: dict[str, Struct] = {}

    def struct(self, name: str) -> Struct:
        known = self._built.get(name)
        if known is not None:
            return known
        layers = [layer for layer in self._layers if name in layer.table]
        if name != self._root:
            layers = layers[-1:]
        made = self._built[name] = Struct(name, f"{layers[-1].package}.{name}")
        for layer in layers:
            self._fill(made, layer.table[name], layer)
        fields = made.fields.values()
        made.order = {name: i for i, name in enumerate(made.fields)}
        made.always = [f for f in fields if f.always]
        made.nested = [f for f in fields if _inner(f) is not None]
        made.checked = [f for f in fields if _has(f, lambda s: bool(s.checks or s.checked)) or (f.item or f).checks]
        made.listed = [
            f
            for f in made.nested
            if _has(f, lambda s: any(g.kind == "list" for g in s.fields.values()) or bool(s.listed))
        ]
        return made

    def _fill(self, made: Struct, table: Mapping[str, Any], layer: Layer) -> None:
        for name, entries in table.items():
            if name.startswith("_"):
                continue
            for entry in [entries] if isinstance(entries, str) else entries:
                kind = holds(entry, layer.version)
                if kind is not None:
                    made.fields[name] = self._field(name, kind, layer)
        # The outermost layer's checks of the root hide those of the layers within, as embedding does in Go.
        named = self._named_checks(table, layer)
        made.checks = named or made.checks
        made.key = table.get("_key", made.key)
        made.repeatable = frozenset(table.get("_repeatable", made.repeatable))
        made.shared = table.get("_shared", made.shared)

    def _named_checks(self, table: Mapping[str, Any], layer: Layer) -> tuple[Check, ...]:
        names = (holds(entry, layer.version) for entry in table.get("_checks", ()))
        return tuple(self._checks[name] for name in names if name)

    def _field(self, name: str, text: str, layer: Layer) -> Field:
        kind = text.rstrip("?!")
        flags = text[len(kind) :]
        made = self._type(name, kind, layer)
        made.pointer, made.always, made.camel = "?" in flags, "!" in flags, camel(name)
        return made

    def _type(self, name: str, kind: str, layer: Layer) -> Field:
        if kind in SCALARS:
            return Field(name, kind, "string" if kind == "str" else kind)
        if kind[0] in "[{":
            item = self._type(name, kind[1:-1], layer)
            go = f"[]{item.go}" if kind[0] == "[" else f"map[string]{item.go}"
            return Field(name, "list" if kind[0] == "[" else "map", go, item=item)
        alias = next(table for table in self._tables(kind))
        if isinstance(alias, str):
            made = self._type(name, alias, layer)
            made.go = f"{layer.package}.{kind}"
            return made
        if "_is" in alias:
            made = self._type(name, alias["_is"], layer)
            made.go, made.checks = f"{layer.package}.{kind}", self._named_checks(alias, layer)
            return made
        struct = self.struct(kind)
        return Field(name, "struct", struct.go, struct=struct)

    def _tables(self, name: str) -> Sequence[Any]:
        found = [layer.table[name] for layer in self._layers if name in layer.table]
        if not found:
            raise KeyError(f"no type {name} in the tables")
        return found


def _inner(field_: Field) -> Struct | None:
    return field_.item.struct if field_.item is not None else field_.struct


def _has(field_: Field, wanted: Callable[[Struct], bool]) -> bool:
    inner = _inner(field_)
    return inner is not None and wanted(inner)
