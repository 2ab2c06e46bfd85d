"""Fields that Ignition has and a variant refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.firstboot.fields import Field, Plain, Struct
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Path


def forbidden_fields(
    config: dict[str, Any], struct: Struct, rules: Mapping[tuple[str, ...], Message]
) -> Iterator[tuple[Path, Message]]:
    """Yield the refused fields of a generated config that are set."""
    if rules:
        yield from _struct(config, struct, rules, (), ())


def _struct(
    value: dict[str, Any], struct: Struct, rules: Mapping[tuple[str, ...], Message], names: tuple[str, ...], path: Path
) -> Iterator[tuple[Path, Message]]:
    for name, field in struct.fields.items():
        inner = value.get(name)
        if inner is None:
            continue
        here, below = (*names, name), (*path, name)
        message = rules.get(here)
        if message is not None:
            # Embedding writes an empty compression; that is none.
            if not _is_empty(inner, field) and inner != "":
                yield below, message
        elif field.struct is not None:
            yield from _struct(inner, field.struct, rules, here, below)
        elif field.item is not None and field.item.struct is not None:
            for i, item in enumerate(inner):
                yield from _struct(item, field.item.struct, rules, here, (*below, i))


def _is_empty(value: Plain, field: Field) -> bool:
    if field.struct is not None and not field.pointer:
        return all(_is_empty(inner, field.struct.fields[name]) for name, inner in value.items())
    if field.kind == "list":
        return not value
    return not field.pointer and not value
