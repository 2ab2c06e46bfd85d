"""The one place that prints: results to stdout, everything else to stderr, errors to exit codes."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, TextIO

from provision.errors import (
    Forbidden,
    Interrupted,
    PartialFailure,
    ProviderError,
    ProvisionError,
    Refused,
    SpecError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provision.diagnostics import Report

_BOLD, _RED, _YELLOW, _GREEN, _DIM = "1", "31;1", "33;1", "32", "2"
_COLOURS = {"error": _RED, "warning": _YELLOW, "info": _DIM}


def out(text: str = "") -> None:
    """Write a result to stdout."""
    print(text)


def emit(value: object) -> None:
    """Write a result as one JSON document to stdout."""
    print(json.dumps(value, indent=2, sort_keys=False))


def line(value: object) -> None:
    """Write one event of a stream as one line of JSON to stdout, at once."""
    print(json.dumps(value, separators=(",", ":")), flush=True)


def note(text: str) -> None:
    """Write progress or a remark to stderr."""
    print(text, file=sys.stderr, flush=True)


def part(text: str) -> None:
    """Write a part of a line to stderr, at once."""
    print(text, end="", file=sys.stderr, flush=True)


def moves(stream: TextIO) -> bool:
    """Whether what is written can be written over: a terminal that knows control sequences."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows under headers to stdout, columns as wide as their contents and two spaces apart."""
    out(table_text(headers, rows))


def table_text(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under headers as aligned text."""
    cells = [[str(c) for c in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(headers), *cells]
    )


def show(report: Report) -> None:
    """Write findings to stderr."""
    if len(report):
        text = report.render()
        note(_paint_heads(text) if _colourful(sys.stderr) else text)


def confirm(question: str, answer: str) -> None:
    """Ask a person to type `answer`.

    Raises:
        UsageError: they typed something else, or nobody is there to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question} Nobody is at a terminal to agree.", hint="say --yes if it is meant")
    print(f"{question}\nType {answer!r} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != answer:
        raise UsageError("not confirmed; nothing was changed")


def fail(error: BaseException) -> int:
    """Tell of an error in the project's form and return its exit code."""
    if isinstance(error, KeyboardInterrupt):
        error = Interrupted("interrupted")
    if not isinstance(error, ProvisionError):
        traceback.print_exception(error)
        note("provision: this is a bug in provision; please report it with the lines above")
        return 1
    if isinstance(error, SpecError | Refused | Forbidden):
        show(error.report)
    note(f"{_paint('error:', _RED)} {_origin(error)}{error.message}")
    if isinstance(error, PartialFailure):
        note(table_text(("FAILED", "WHY"), error.failures))
    if error.hint:
        note(f"  {error.hint}")
    return error.exit_code


def _origin(error: ProvisionError) -> str:
    return f"{error.provider}: " if isinstance(error, ProviderError) and error.provider else ""


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if _colourful(sys.stderr) else text


def _paint_heads(text: str) -> str:
    """Colour the first word of each finding."""
    lines = []
    for row in text.split("\n"):
        word = row.split("[", 1)[0]
        lines.append(row.replace(word, _paint(word, _COLOURS[word]), 1) if word in _COLOURS else row)
    return "\n".join(lines)


def _colourful(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
