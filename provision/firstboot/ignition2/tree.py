"""Where things stand in a YAML or JSON text, as Ignition 2's validation looks for them.

An alias has a place and nothing below it. Keys can be renamed and moved, since a translated config is validated against
the user's own text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yaml import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from yaml import Node

Place = tuple[int, int]
"""Line and column, from 1; (0, 0) is nowhere."""

NOWHERE: Place = (0, 0)


@dataclass(slots=True)
class Tree:
    """A node's place, and what is below it: `keys` of a mapping (with the key's own place), `items` of a list."""

    place: Place
    keys: dict[str, tuple[Place, Tree]] | None = None
    items: list[Tree] | None = None

    def child(self, *path: str | int) -> Tree | None:
        """Return what a path leads to, or None."""
        node: Tree | None = self
        for step in path:
            if node is None:
                return None
            if isinstance(step, int):
                node = node.items[step] if node.items is not None and step < len(node.items) else None
            else:
                node = node.keys[step][1] if node.keys is not None and step in node.keys else None
        return node

    def move(self, old: str, new: str, value: Tree) -> None:
        """Put another node under a key, by another name."""
        if self.keys is not None and old in self.keys:
            place = self.keys.pop(old)[0]
            self.keys[new] = (place, value)


def build(node: Node, rename: Callable[[str], str] = str) -> Tree:
    """Return the tree of a YAML node; `rename` is called for each key."""
    tree = Tree(_place(node))
    if isinstance(node, MappingNode):
        tree.keys = {}
        for key, value in node.value:
            # A key that is a collection or an alias has no name that a field could have.
            name = rename(key.value) if isinstance(key, ScalarNode) else ""
            tree.keys[name] = (_place(key), build(value, rename))
    elif isinstance(node, SequenceNode):
        tree.items = [build(item, rename) for item in node.value]
    return tree


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
