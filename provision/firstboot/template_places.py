"""Where in a node config's text an expression of a scalar stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.diagnostics import Span

if TYPE_CHECKING:
    from yaml import Node

OPENING = re.compile(r"""\{\{(?:'[^']*'|"[^"]*"|[^'"}])*|\{%""")
"""An expression up to its end; quotes are followed, since they may hold braces."""


class Places:
    """Looks expressions up in the text, between the marks of their scalar; escapes and folding do not matter there."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._lines = text.splitlines(keepends=True)
        self._file = file

    def start(self, node: Node) -> Span:
        """Return where a node starts."""
        return Span(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def of(self, node: Node, number: int | None, word: str = "") -> Span:
        """Return the place of a scalar's expression by its number from 0 (None: the first thing in braces).

        `word` is the part of the expression that is meant, "" for its beginning.
        """
        first, last = node.start_mark.line, node.end_mark.line
        found = []
        for i in range(first, min(last, len(self._lines) - 1) + 1):
            begin = node.start_mark.column if i == first else 0
            end = node.end_mark.column if i == last else len(self._lines[i])
            found += [(i, m.start()) for m in OPENING.finditer(self._lines[i], begin, end)]
        index = number or 0
        if index >= len(found):
            return self.start(node)
        line, column = found[index]
        inner = self._lines[line].find(word, column) if word else column
        return Span(self._file, line + 1, (inner if inner >= 0 else column) + 1)
