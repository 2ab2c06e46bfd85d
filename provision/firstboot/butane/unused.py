"""Keys that a config's type does not know, found by walking the tree and the decoded values side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yaml import MappingNode, Node, SequenceNode

from provision.diagnostics import Span, path_text
from provision.firstboot.butane.variants import since
from provision.firstboot.decode import AliasNode
from provision.firstboot.ignition import messages as m
from provision.firstboot.suggest import did_you_mean
from provision.located import pairs

if TYPE_CHECKING:
    from provision.firstboot.butane.inputs import Inputs
    from provision.firstboot.butane.variants import Variant
    from provision.firstboot.fields import Field, Struct
    from provision.firstboot.ignition.validate import Path


def unused_keys(root: Node | None, value: dict[str, Any], variant: Variant, found: Inputs, file: str) -> None:
    """Report unused keys: warnings with butane's words in the drop-in, errors with a suggestion elsewhere.

    Elsewhere what aliases and merge keys bring is looked at too, which butane cannot do.
    """
    if root is not None:
        _Walk(found, file, variant).struct(root, value, variant.struct, ())


class _Walk:
    def __init__(self, found: Inputs, file: str, variant: Variant) -> None:
        self._found = found
        self._file = file
        self._variant = variant
        self._told: set[int] = set()

    def struct(self, node: Node, value: dict[str, Any], struct: Struct, path: Path) -> None:
        node = self._target(node)
        if not isinstance(node, MappingNode):
            # An alias, or a null where a section is meant: butane cannot follow, and says so.
            if self._found.drop_in:
                self._found.warn(path, m.TREE_MISMATCH.format(path=path_text(path)))
            return
        fields, children = struct.fields, {}
        for key, key_node, child in pairs(node):
            if key in fields:
                children[key] = child
            elif self._found.drop_in or not _is_merge(key, key_node):
                self._unused(key, key_node, struct, path)
            else:
                for merged in child.value if isinstance(child, SequenceNode) else [child]:
                    self.struct(merged, value, struct, path)
        for field in struct.nested:
            if field.name in children:
                self._field(children[field.name], value, field, (*path, field.name))

    def _target(self, node: Node) -> Node:
        return node.value if isinstance(node, AliasNode) and not self._found.drop_in else node

    def _field(self, node: Node, value: dict[str, Any], field: Field, path: Path) -> None:
        node = self._target(node)
        if field.struct is not None:
            if not field.pointer or field.name in value:
                self.struct(node, value.get(field.name, {}), field.struct, path)
        elif field.item is not None and field.item.struct is not None and isinstance(node, SequenceNode):
            # Nulls are dropped from lists, and butane goes on to count in both: so does this.
            for i, (item, inner) in enumerate(zip(node.value, value.get(field.name, ()), strict=False)):
                self.struct(item, inner, field.item.struct, (*path, i))

    def _unused(self, key: str, node: Node, struct: Struct, path: Path) -> None:
        message = m.UNUSED_KEY.format(key=key)
        place = Span(self._file, node.start_mark.line + 1, node.start_mark.column + 1)
        if self._found.drop_in:
            self._found.warn((*path, key), message, place)
        elif id(node) not in self._told:
            self._told.add(id(node))
            later = since(self._variant, path, key)
            newer = f"{key} came with version {later} of {self._variant.name}" if later else None
            hint = newer or did_you_mean(key, struct.fields) or message.hint
            self._found.error((*path, key), message._replace(hint=hint), place)


def _is_merge(key: str, node: Node) -> bool:
    return key == "<<" and not getattr(node, "style", None)
