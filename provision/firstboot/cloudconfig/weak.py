"""A YAML tree as Go values of no declared type, which is how coreos-cloudinit's validator first reads a config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, ScalarNode, SequenceNode

from provision.firstboot.cloudconfig.scalars import Timestamp, go_text, scalar
from provision.firstboot.decode import AliasNode, DecodeError

if TYPE_CHECKING:
    from yaml import Node

    from provision.firstboot.cloudconfig.lines import Lines

KINDS = {str: "string", bool: "bool", int: "int", float: "float64", list: "slice", dict: "map", Timestamp: "struct"}
MAX_ALIASED = 400_000


class NotWeak(Exception):
    """The values do not fit together: duplicate keys, or no mapping at the top."""


class Panic(Exception):
    """coreos-cloudinit gives up with one of Go's own messages."""


@dataclass(slots=True)
class Entry:
    """One value of a config: its key, its line (0: not found), its value and what is below it."""

    name: str = ""
    line: int = 0
    value: Any = None
    below: list[Entry] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The value's kind as Go calls it; "invalid" for null."""
        return KINDS.get(type(self.value), "invalid")

    def child(self, name: str) -> Entry:
        """Return the first entry of a name, or one that is nothing."""
        return next((each for each in self.below if each.name == name), Entry())


def read(root: Node | None) -> dict[str, Any]:
    """Return the values of a tree.

    Raises:
        NotWeak: duplicate keys, or no mapping at the top.
        DecodeError: an anchor holds itself, aliases expand too far, or an explicit tag is wrong.
        Panic: a number that is too large.
    """
    value = _Reader().value(root) if root is not None else None
    if not isinstance(value, dict | None):
        raise NotWeak
    return value or {}


class _Reader:
    def __init__(self) -> None:
        self._within: set[int] = set()
        self._aliased = 0

    def value(self, node: Node) -> Any:  # noqa: ANN401
        if isinstance(node, ScalarNode):
            return scalar(node)
        if isinstance(node, SequenceNode):
            return [self.value(item) for item in node.value]
        if isinstance(node, MappingNode):
            return self._mapping(node)
        return self._alias(node) if isinstance(node, AliasNode) else None

    def _alias(self, node: AliasNode) -> Any:  # noqa: ANN401
        target: Node = node.value
        if id(target) in self._within:
            raise DecodeError(f"anchor '{node.tag}' value contains itself")
        self._aliased += 1 + (len(target.value) if not isinstance(target, ScalarNode) else 0)
        if self._aliased > MAX_ALIASED:
            raise DecodeError("document contains excessive aliasing")
        self._within.add(id(target))
        try:
            return self.value(target)
        finally:
            self._within.discard(id(target))

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        written = [(type(key), key.value) for key, _ in node.value if isinstance(key, ScalarNode)]
        if len(set(written)) < len(written):
            raise NotWeak
        result: dict[str, Any] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == "<<" and not key.style and not key.tag:
                merged = self._sources(value)
            else:
                result[go_text(self.value(key))] = self.value(value)
        for source in merged:
            result |= {name: value for name, value in source.items() if name not in result}
        return result

    def _sources(self, node: Node) -> list[dict[str, Any]]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        found = [self.value(each) for each in nodes]
        if not all(isinstance(each, dict) for each in found):
            raise DecodeError("map merge requires map or sequence of maps as the value")
        return found


def entries(values: dict[str, Any], lines: Lines) -> Entry:
    """Return the values with the lines where the validator finds them, and dashes in keys as underscores."""
    root = Entry(value=values)
    _fill(root, "", lines, 0)
    return root


def _fill(entry: Entry, written: str, lines: Lines, start: int) -> None:
    if isinstance(entry.value, dict):
        for key, value in entry.value.items():
            at = lines.key(key, start)
            below = Entry(key.replace("-", "_"), 0 if at is None else at + 1, value)
            _fill(below, key, lines, lines.end if at is None else at)
            entry.below.append(below)
    elif isinstance(entry.value, list):
        for i, value in enumerate(entry.value):
            at = lines.item(start)
            start = lines.end if at is None else at
            below = Entry(f"{written}[{i}]".replace("-", "_"), 0 if at is None else at + 1, value)
            _fill(below, f"{written}[{i}]", lines, start)
            entry.below.append(below)
            start += 1
    elif isinstance(entry.value, int) and not -(1 << 63) <= entry.value < 1 << 63:
        raise Panic("toNode(): unhandled kind uint64")
