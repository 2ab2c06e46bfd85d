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
    tree: dict[str, Any] = {}
    for (*sections, name), message in rules.items():
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = message
    if tree:
        yield from _struct(config, struct, tree, ())


def _struct(value: dict[str, Any], struct: Struct, rules: dict[str, Any], path: Path) -> Iterator[tuple[Path, Message]]:
    for name in sorted(rules.keys() & value.keys(), key=list(struct.fields).index):
        field, inner, rule, below = struct.fields[name], value[name], rules[name], (*path, name)
        if inner is None:
            continue
        if not isinstance(rule, dict):
            # Embedding writes an empty compression; that is none.
            if not _is_empty(inner, field) and inner != "":
                yield below, rule
        elif field.struct is not None:
            yield from _struct(inner, field.struct, rule, below)
        elif field.item is not None and field.item.struct is not None:
            for i, item in enumerate(inner):
                yield from _struct(item, field.item.struct, rule, (*below, i))


def _is_empty(value: Plain, field: Field) -> bool:
    if field.struct is not None and not field.pointer:
        return all(_is_empty(inner, field.struct.fields[name]) for name, inner in value.items())
    if field.kind == "list":
        return not value
    return not field.pointer and not value
