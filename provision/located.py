"""Text to a YAML tree in which every node knows its place. A leaf, shared by the spec and the config compilers.

The tree is PyYAML's own nodes, composed by its C loader and not constructed: what a scalar means is decided later by
the type of the field that it fills, not by YAML's guess. Columns count characters, from 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from provision.diagnostics import Diagnostic, Path, Report, Span
from provision.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 << 20
MAX_DEPTH = 200
MAX_EXPANDED = 2_000_000
"""Nodes after every alias is followed; more than this is an alias bomb, not a config."""


def compose(text: str, file: str) -> Node | None:
    """Parse the first document of a text; None when it is empty.

    Raises:
        SpecError: PV001 not YAML, PV002 nested too deep or too large once its aliases are followed.
    """
    if len(text) > MAX_BYTES:
        raise _fail("PV002", f"the text is larger than {MAX_BYTES >> 20} MiB", Span(file, 1, 1), file, "")
    if not depth_is_bounded(text):
        raise _fail("PV002", f"nested deeper than {MAX_DEPTH} levels", Span(file, 1, 1), file, text)
    loader = yaml.CSafeLoader(text)
    try:
        node: Node | None = loader.get_single_node() if _single(text) else _first(loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Span(file, mark.line + 1, mark.column + 1) if mark else Span(file, 1, 1)
        raise _fail("PV001", f"not valid YAML: {error.problem or error.context}", place, file, text) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _fail("PV001", f"not valid YAML: {error}".splitlines()[0], Span(file, 1, 1), file, text) from None
    finally:
        loader.dispose()
    if node is not None:
        _bound(node, file, text)
    return node


def span(node: Node, file: str) -> Span:
    """Return where a node starts."""
    return Span(file, node.start_mark.line + 1, node.start_mark.column + 1)


def pairs(node: MappingNode) -> Iterator[tuple[str, Node, Node]]:
    """Yield (key's text, key node, value node) of a mapping; keys that are not scalars are passed over."""
    for key, value in node.value:
        if isinstance(key, ScalarNode):
            yield key.value, key, value


def locate(root: Node | None, path: Path) -> Node | None:
    """Return the deepest existing node on a path, starting at the root."""
    node = root
    for step in path:
        below = child(node, step)
        if below is None:
            return node
        node = below
    return node


def child(node: Node | None, step: str | int) -> Node | None:
    """Return one child of a mapping (by key) or a sequence (by index), or None."""
    if isinstance(node, MappingNode):
        return next((value for key, _, value in pairs(node) if key == str(step)), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        item: Node = node.value[step]
        return item
    return None


_DEEP_INDENT = re.compile(r"^[ \-?:]{200,}", re.MULTILINE)


def depth_is_bounded(text: str) -> bool:
    """Whether a text nests no deeper than MAX_DEPTH. The C composer recurses, and would overflow the C stack.

    Most texts are cleared by counting brackets and by their longest indentation; the others are parsed to events.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH and not _DEEP_INDENT.search(text):
        return True
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return False
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except (yaml.YAMLError, UnicodeEncodeError):
        pass  # the composer stops at the same place, and says so better
    return True


def _single(text: str) -> bool:
    return "\n---" not in text and "\n..." not in text


def _first(loader: yaml.CSafeLoader) -> Node | None:
    # Further documents are ignored, as the tools of the field do.
    return loader.get_node() if loader.check_node() else None


def _bound(root: Node, file: str, text: str) -> None:
    """Refuse trees that are too deep, or too large when aliases are followed, in time linear in the text."""
    sizes: dict[int, int] = {}

    def size(node: Node, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise _fail("PV002", f"nested deeper than {MAX_DEPTH} levels", span(node, file), file, text)
        known = sizes.get(id(node))
        if known is None:
            sizes[id(node)] = MAX_EXPANDED  # an alias to a node that holds it never ends
            known = sizes[id(node)] = 1 + sum(size(n, depth + 1) for n in _below(node))
        if known > MAX_EXPANDED:
            raise _fail("PV002", "too large once its aliases are followed", span(node, file), file, text)
        return known

    size(root, 0)


def _below(node: Node) -> Iterator[Node]:
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _fail(code: str, message: str, place: Span, file: str, text: str) -> SpecError:
    return SpecError(Report([Diagnostic(code, message, span=place)], {file: text}))
