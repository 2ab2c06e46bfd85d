"""YAML nodes to plain values, with the place of every value and key.

Scalars read by the core schema of YAML 1.2 (section 10.3.2): only true and false are booleans, so that ``off`` and
``no`` stay text. Numbers that JSON cannot hold stay text as well. Null means absent: such keys are left out. Merge
keys (``<<``) are honoured, since people know them from other tools.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from provision.diagnostics import Diagnostic, Path, Span
from provision.located import span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Plain = Any
"""A value as JSON has it: mapping, list, text, number, boolean or None."""

MAX_NODES = 300_000
"""Values once aliases are followed: a hundred times a spec of a thousand machines that all differ."""

_TAG = "tag:yaml.org,2002:"
_RESOLVED = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "timestamp", "merge", "value"))
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,30}|0x[0-9a-fA-F]{1,24}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)

_EXPONENT = re.compile(r"[-+]?[0-9.]+[eE][0-9]+", re.ASCII)
"""Numbers by YAML 1.2 that PyYAML, which knows 1.1, takes for text."""


class TooLarge(Exception):
    """The tree has more than MAX_NODES values; carries the finding."""

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(slots=True)
class Document:
    """A document's plain value and where its parts stand.

    `places` holds the place of each value, `keys` that of each mapping key (by the path of its value), `scalars` the
    node of each scalar, for its source text and style. `findings` are duplicate keys and the like.
    """

    file: str
    text: str
    value: Plain = None
    places: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)
    scalars: dict[Path, ScalarNode] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def place(self, path: Path) -> Span:
        """Return the place of the deepest value on a path."""
        return next((self.places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.places), self.start)

    def key(self, path: Path) -> Span:
        """Return the place of the key that leads to a value, or else of the deepest value on its path."""
        return self.keys.get(path) or self.place(path)

    @property
    def start(self) -> Span:
        """The place of the root."""
        return self.places.get((), Span(self.file, 1, 1))


def build(node: Node | None, file: str, text: str, absent: Callable[[Path], Plain] = lambda _: None) -> Document:
    """Turn a composed tree into a Document.

    `absent` says what a key without a value stands for; None leaves the key out.

    Raises:
        TooLarge: PV002, more than MAX_NODES values.
    """
    builder = _Builder(Document(file, text), absent)
    if node is not None:
        builder.document.value = builder.value(node, ())
    return builder.document


@dataclass(slots=True)
class _Builder:
    document: Document
    absent: Callable[[Path], Plain]

    def value(self, node: Node, path: Path) -> Plain:
        place = self.document.places[path] = span(node, self.document.file)
        if len(self.document.places) > MAX_NODES:
            raise TooLarge(Diagnostic("PV002", f"more than {MAX_NODES:,} values", path=path[:4], span=place))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            self._check_tag(node, path, "seq")
            return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            self.document.scalars[path] = node
            return self._scalar(node, path)
        return None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Plain]:
        self._check_tag(node, path, "map")
        found = {}
        for name, (key, value) in self._entries(node, path).items():
            here = (*path, name)
            self.document.keys[here] = span(key, self.document.file)
            plain = self.value(value, here)
            plain = self.absent(here) if plain is None else plain
            if plain is not None:
                found[name] = plain
        return found

    def _entries(self, node: MappingNode, path: Path, depth: int = 0) -> dict[str, tuple[Node, Node]]:
        """Return a mapping's entries by key; its own come first and win over merged ones."""
        own: dict[str, tuple[Node, Node]] = {}
        merged: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for source in self._merge_sources(value, path):
                    merged = {**self._entries(source, path, depth + 1), **merged}
            elif not isinstance(key, ScalarNode):
                self._find("PV006", "a key has to be plain text", path, key, None)
            elif key.value in own:
                first = own[key.value][0].start_mark.line + 1
                # Of merged mappings, the place where they stand themselves reports it.
                if not depth:
                    self._find(
                        "PV004", f"{key.value!r} is given twice", (*path, key.value), key, f"also on line {first}"
                    )
            else:
                own[key.value] = (key, value)
        return {**own, **{name: entry for name, entry in merged.items() if name not in own}}

    def _merge_sources(self, node: Node, path: Path) -> Iterator[MappingNode]:
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if isinstance(source, MappingNode):
                yield source
            else:
                self._find("PV006", "<< takes a mapping or a list of mappings", path, source, None)

    def _scalar(self, node: ScalarNode, path: Path) -> str | int | float | bool | None:
        if node.tag in _RESOLVED or (not node.style and _EXPONENT.fullmatch(node.value)):
            return core(node.value)
        self._check_tag(node, path, "str")
        text: str = node.value
        return text

    def _check_tag(self, node: Node, path: Path, kind: str) -> None:
        if node.tag not in (_TAG + kind, "!"):
            name = "!!" + node.tag.removeprefix(_TAG) if node.tag.startswith(_TAG) else node.tag
            self._find("PV007", f"the tag {name} means nothing here", path, node, "leave it out")

    def _find(self, code: str, message: str, path: Path, node: Node, hint: str | None) -> None:
        self.document.findings.append(
            Diagnostic(code, message, path=path, span=span(node, self.document.file), hint=hint)
        )


def core(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 16 if text.startswith("0x") else 10)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
