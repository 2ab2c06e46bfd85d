"""Ignition's validation as a walk over a config and its type: each type's checks, then its fields' types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.firstboot.fields import Plain
from provision.firstboot.fields import version as parse_version
from provision.firstboot.ignition import messages as m

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Struct
    from provision.firstboot.ignition.messages import Message

Path = tuple[str | int, ...]
Sink = Any
"""A collector of findings: `Found`, or the one that a table's own checks expect."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a value; `error` is False for a warning."""

    path: Path
    message: Message
    error: bool = True


class Found:
    """Collects findings while a config of one version is checked."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.spec = parse_version(version)
        self.findings: list[Finding] = []

    def error(self, path: Path, message: Message) -> None:
        """Add an error."""
        self.findings.append(Finding(path, message))

    def warn(self, path: Path, message: Message) -> None:
        """Add a warning."""
        self.findings.append(Finding(path, message, error=False))

    def maybe(self, path: Path, message: Message | None) -> None:
        """Add an error if there is one."""
        if message is not None:
            self.findings.append(Finding(path, message))

    def at(self, path: Path, index: int | None, message: Message) -> None:
        """Add an error about an item of a list if there is one."""
        if index is not None:
            self.findings.append(Finding((*path, index), message))


def check(value: dict[str, Any], struct: Struct, found: Sink, path: Path = ()) -> None:
    """Call the checks of a type and of all types within it, in the order of the tables."""
    for each in struct.checks:
        each(value, path, found)
    for field in struct.checked:
        inner = value.get(field.name)
        if inner is None:
            continue
        below = (*path, field.name)
        if field.struct is not None:
            check(inner, field.struct, found, below)
        elif field.item is None:
            for each in field.checks:
                each(inner, below, found)
        else:
            _check_items(inner, field.item, found, below)


def _check_items(values: list[Any], item: Field, found: Sink, path: Path) -> None:
    for i, value in enumerate(values):
        if item.struct is not None:
            check(value, item.struct, found, (*path, i))
        else:
            for each in item.checks:
                each(value, (*path, i), found)


def duplicates(value: dict[str, Any], struct: Struct, found: Sink, path: Path = ()) -> None:
    """Report items of lists that have another's key; some lists share their keys, some may repeat them."""
    _duplicates_here(value, struct, found, path)
    for field in struct.listed:
        inner = value.get(field.name)
        if inner is None:
            continue
        if field.struct is not None:
            duplicates(inner, field.struct, found, (*path, field.name))
        elif field.item is not None and field.item.struct is not None:
            for i, each in enumerate(inner):
                duplicates(each, field.item.struct, found, (*path, field.name, i))


def _duplicates_here(value: dict[str, Any], struct: Struct, found: Sink, path: Path) -> None:
    seen: dict[str, set[str]] = {}
    for name, values in value.items() if not struct.shared else _in_order(value, struct):
        if type(values) is not list or not values or name in struct.repeatable:
            continue
        keys = seen.setdefault(struct.shared.get(name, name), set())
        for i, each in enumerate(values):
            key = key_of(each, struct.fields[name])
            if key in keys:
                found.error((*path, name, i), m.DUPLICATE)
            keys.add(key)


def _in_order(value: dict[str, Any], struct: Struct) -> list[tuple[str, Any]]:
    """Return the fields in the type's order, which decides who of two is the duplicate."""
    return [(name, value[name]) for name in struct.fields if name in value]


def key_of(value: Plain, field: Field) -> str:
    """Return what identifies an item of a list: itself, or the field that its type names."""
    struct = field.item.struct if field.item else None
    if struct is None:
        return str(value)
    if struct.key == "partition":
        if value.get("number"):
            return f"number:{value['number']}"
        return f"label:{value['label']}" if "label" in value else ""
    return str(value.get(struct.key, ""))
