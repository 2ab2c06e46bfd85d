"""How findings speak of values and choices."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}
"""JSON Schema's types in plain words."""

_LONGEST = 48


def show(value: object) -> str:
    """Return a value in a few words: text in quotes, collections by kind."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str() if len(value) > _LONGEST:
            return repr(value[:_LONGEST] + "…")
        case _:
            return repr(value)


def listing(names: Iterable[str], join: str = "or") -> str:
    """Return ``a, b or c``."""
    *most, last = list(names) or ["none"]
    return f"{', '.join(most)} {join} {last}" if most else last


def did_you_mean(name: object, known: Iterable[str]) -> str | None:
    """Return the hint for a misspelt name, or None when nothing is close."""
    choices = list(known)
    close = difflib.get_close_matches(str(name)[:100], choices, n=1)
    return f"did you mean {close[0]}?" if close else None


def suggest(name: object, known: Iterable[str], most: int = 20) -> str | None:
    """Return a did-you-mean, or else all that is known when that is not too much."""
    choices = list(known)
    if hint := did_you_mean(name, choices):
        return hint
    return f"known are {listing(choices, 'and')}" if 0 < len(choices) <= most else None
