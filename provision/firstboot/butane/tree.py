"""A text's YAML tree as Go's yaml.v3 sees it: tags only where they are written, aliases with places of their own.

PyYAML's C parser does the work. Where it is laxer than yaml.v3 (``%YAML 1.2``, ``"\\/"``), the tree is refused here,
and its errors are put into yaml.v3's words: the same libyaml problem, with a line that is sometimes one less.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from provision.firstboot.decode import AliasNode
from provision.located import MAX_DEPTH, depth_is_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 << 20
Event = Any
"""PyYAML's C parser and its events have no types."""


class YamlError(Exception):
    """The text is not YAML; the message is yaml.v3's without ``yaml: ``. Line and column count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class _Loader(yaml.CSafeLoader):
    # The composer calls these for every node; built-in functions that do nothing are the quickest.
    descend_resolver: Any = staticmethod(operator.is_)
    ascend_resolver: Any = staticmethod(dict)

    def resolve(self, kind: Event, value: Event, implicit: Event) -> str:  # noqa: ARG002
        """Leave untagged nodes untagged; the fields' types decide."""
        return ""


def decode_bytes(data: bytes) -> str:
    """Return the text of a config: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        YamlError: the bytes are no such text.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise YamlError(_utf8_problem(data, error), line, column) from None


def compose(text: str) -> Node | None:
    """Parse the first document; None when it is empty.

    Raises:
        YamlError: the text is not YAML, or is too large or nested too deep.
    """
    if len(text) > MAX_BYTES:
        raise YamlError(f"larger than {MAX_BYTES >> 20} MiB")
    if not depth_is_bounded(text):
        raise YamlError(f"exceeded max depth of {MAX_DEPTH}")
    _refuse_versions(text)
    try:
        root = _compose_events(text) if _has_aliases(text) else _compose_fast(text)
    except yaml.composer.ComposerError:
        root = _guarded(text, _compose_events)
    except yaml.YAMLError as error:
        raise _translate(error) from None
    except UnicodeEncodeError:
        raise YamlError("invalid Unicode character") from None
    if root is not None and "\\/" in text:
        _refuse_escaped_slashes(root, text)
    return root


def _guarded(text: str, composer: Event) -> Node | None:
    try:
        root: Node | None = composer(text)
    except yaml.YAMLError as error:
        raise _translate(error) from None
    return root


def _compose_fast(text: str) -> Node | None:
    loader = _Loader(text)
    try:
        node: Node | None = loader.get_node() if loader.check_node() else None
        return node
    finally:
        loader.dispose()


_ALIAS = re.compile(r"(?:^|[\s\[{,:])\*[^\s,\[\]{}*]+\s*(?:$|[,\]}:#])", re.MULTILINE)
_ANCHOR = re.compile(r"(?:^|[\s\[{,])&[^\s,\[\]{}&]", re.MULTILINE)


def _has_aliases(text: str) -> bool:
    return "*" in text and "&" in text and bool(_ALIAS.search(text)) and bool(_ANCHOR.search(text))


def _compose_events(text: str) -> Node | None:
    parser: Any = yaml.CBaseLoader(text)
    try:
        parser.get_event()  # the stream's start
        if parser.check_event(yaml.StreamEndEvent):
            return None
        parser.get_event()  # the document's start
        return _Composer(parser).node()
    finally:
        parser.dispose()


class _Composer:
    def __init__(self, parser: Event) -> None:
        self._parser = parser
        self._anchors: dict[str, Node] = {}

    def node(self) -> Node:
        event = self._parser.get_event()
        start, end = event.start_mark, event.end_mark
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                line, column = start.line + 1, start.column + 1
                raise YamlError(f"unknown anchor '{event.anchor}' referenced", line, column)
            return AliasNode(event.anchor, self._anchors[event.anchor], start, end)
        tag = event.tag or ""
        if isinstance(event, yaml.ScalarEvent):
            scalar = ScalarNode(tag, event.value, start, end, style=event.style)
            self._anchor(event, scalar)
            return scalar
        made = SequenceNode if isinstance(event, yaml.SequenceStartEvent) else MappingNode
        node: Node = made(tag, [], start, end, flow_style=event.flow_style)
        self._anchor(event, node)
        node.value.extend(self._items() if made is SequenceNode else self._pairs())
        self._parser.get_event()  # the end of the collection
        return node

    def _anchor(self, event: Event, node: Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node

    def _items(self) -> Iterator[Node]:
        while not self._parser.check_event(yaml.SequenceEndEvent):
            yield self.node()

    def _pairs(self) -> Iterator[tuple[Node, Node]]:
        while not self._parser.check_event(yaml.MappingEndEvent):
            key = self.node()
            yield key, self.node()


def _translate(error: yaml.YAMLError) -> YamlError:
    if not isinstance(error, yaml.MarkedYAMLError):
        return YamlError(getattr(error, "reason", None) or str(error).splitlines()[0])
    scanner = isinstance(error, yaml.scanner.ScannerError)
    marks = [mark for mark in (error.context_mark, error.problem_mark) if mark is not None]
    place = marks[-1] if marks else None
    shown = next((mark.line for mark in marks if mark.line), 0)
    shown += 1 if shown and scanner else 0
    text = f"line {shown}: {error.problem}" if shown else str(error.problem)
    return YamlError(text, place.line + 1 if place else 1, place.column + 1 if place else 1)


_DIRECTIVE = re.compile(r"\A\ufeff?(?:[ \t]*(?:#.*)?\n|%(?!YAML).*\n)*%YAML[ \t]+(\d+)\.(\d+)")


def _refuse_versions(text: str) -> None:
    match = _DIRECTIVE.match(text)
    if match and (match[1], match[2]) != ("1", "1"):
        line = text.count("\n", 0, match.end())
        where = f"line {line}: " if line else ""
        raise YamlError(f"{where}found incompatible YAML document", line + 1, 1)


def _refuse_escaped_slashes(root: Node, text: str) -> None:
    for node in _scalars(root):
        raw = text[node.start_mark.index : node.end_mark.index] if node.style == '"' else ""
        if "\\/" in re.sub(r"\\\\", "", raw):
            line = node.start_mark.line
            where = f"line {line + 1}: " if line else ""
            raise YamlError(f"{where}found unknown escape character", line + 1, node.start_mark.column + 1)


def _scalars(root: Node) -> Iterator[ScalarNode]:
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, ScalarNode):
            yield node
        elif isinstance(node, SequenceNode):
            pending.extend(reversed(node.value))
        elif isinstance(node, MappingNode):
            pending.extend(part for pair in reversed(node.value) for part in reversed(pair))


def _utf8_problem(data: bytes, error: UnicodeDecodeError) -> str:
    first = data[error.start]
    width = 2 if first & 0xE0 == 0xC0 else 3 if first & 0xF0 == 0xE0 else 4 if first & 0xF8 == 0xF0 else 0
    if width == 0:
        return "invalid leading UTF-8 octet"
    tail = data[error.start + 1 : error.start + width]
    if any(octet & 0xC0 != 0x80 for octet in tail):
        return "invalid trailing UTF-8 octet"
    if len(tail) < width - 1:
        return "incomplete UTF-8 octet sequence"
    return "invalid Unicode character" if first in (0xED, 0xF4) else "invalid length of a UTF-8 sequence"
