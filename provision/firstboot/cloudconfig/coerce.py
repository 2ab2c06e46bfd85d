"""Values read by YAML's rules alone take those that their fields' types give them, where both are compatible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.cloudconfig.model import FLOAT

if TYPE_CHECKING:
    from provision.firstboot.cloudconfig.weak import Entry
    from provision.firstboot.fields import Field, Struct

_KINDS = {"str": "string", "bool": "bool", "int": "int", "struct": "struct", "list": "slice"}
_ZEROS: dict[str, Any] = {"string": "", "bool": False, "int": 0, FLOAT: 0.0}
_TAKES = {
    "string": frozenset(("string", "int", FLOAT, "bool")),
    "struct": frozenset(("struct", "map")),
    FLOAT: frozenset((FLOAT, "int")),
    "bool": frozenset(("bool",)),
    "slice": frozenset(("slice",)),
    "int": frozenset(("int",)),
}


def kind_of(field: Field) -> str:
    """Return a field's kind as Go calls it."""
    return FLOAT if field.go == FLOAT else _KINDS[field.kind]


def human(field: Field) -> str:
    """Return a field's kind as findings name it."""
    return f"[]{human(field.item)}" if field.item is not None else kind_of(field)


def compatible(kind: str, wanted: str) -> bool:
    """Whether YAML can turn a value of one kind into another."""
    return kind in _TAKES[wanted]


def coerce(entry: Entry, struct: Struct, strong: dict[str, Any]) -> Entry:
    """Replace the values below an entry, whose type is known, by those that the types give; returns the entry."""
    for below in entry.below:
        field = struct.fields.get(below.name)
        if field is not None:
            _coerce(below, field, strong.get(below.name))
    return entry


def _coerce(entry: Entry, field: Field, strong: Any) -> None:  # noqa: ANN401
    kind = kind_of(field)
    if field.struct is not None:
        coerce(entry, field.struct, strong if isinstance(strong, dict) else {})
    elif field.item is not None:
        # Nulls are dropped from lists of a type, but not here: so the places can differ, as they do in the original.
        for below, value in zip(entry.below, strong or (), strict=False):
            _coerce(below, field.item, value)
    elif not entry.below and compatible(entry.kind, kind):
        entry.value = _ZEROS[kind] if strong is None else strong
