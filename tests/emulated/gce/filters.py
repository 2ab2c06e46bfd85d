"""The filter language of lists, as far as it is documented in discovery's own words; anything else is refused.

Either AIP-160 terms (``a.b = "x"``, ``a.b:*``, joined by AND, OR and parentheses) or one regular expression
(``name eq "web-.*"``), which must match the whole field. The two cannot be mixed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.emulated.gce.discovery import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    Test = Callable[[dict[str, Any]], bool]

TERM = re.compile(r'\s*([\w.-]+?)\s*(?:(!=|=)\s*("[^"]*"|[\w.-]+)|:\s*(\*))\s*')
REGEX = re.compile(r"""\s*([\w.-]+)\s+(eq|ne)\s+("[^"]*"|'[^']*'|\S+)\s*""")


def parse(text: str) -> Test:
    """Return the test that a filter stands for.

    Raises:
        Refusal: it is malformed.
    """
    if not text.strip():
        return lambda _: True
    if found := REGEX.fullmatch(text):
        pattern, wanted = re.compile(found[3].strip("\"'")), found[2] == "eq"
        return lambda item: (pattern.fullmatch(str(_value(item, found[1]) or "")) is not None) == wanted
    test, rest = _either(text)
    if rest.strip():
        raise invalid(f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")
    return test


def _either(text: str) -> tuple[Test, str]:
    test, rest = _both(text)
    while found := re.match(r"\s*OR\b", rest):
        other, rest = _both(rest[found.end() :])
        test = _joined(any, test, other)
    return test, rest


def _both(text: str) -> tuple[Test, str]:
    test, rest = _one(text)
    while (found := re.match(r"\s*AND\b", rest)) or re.match(r"\s*\(", rest):
        other, rest = _one(rest[found.end() :] if found else rest)
        test = _joined(all, test, other)
    return test, rest


def _one(text: str) -> tuple[Test, str]:
    if found := re.match(r"\s*\(", text):
        test, rest = _either(text[found.end() :])
        if not (closed := re.match(r"\s*\)", rest)):
            raise invalid("Invalid value for field 'filter': a parenthesis is open")
        return test, rest[closed.end() :]
    if not (term := TERM.match(text)):
        raise invalid(f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")
    field, operator, value, present = term[1], term[2], (term[3] or "").strip('"'), term[4]
    if present:
        return (lambda item: _value(item, field) is not None), text[term.end() :]
    return (lambda item: (str(_value(item, field)) == value) == (operator == "=")), text[term.end() :]


def _joined(how: Callable[[list[bool]], bool], one: Test, other: Test) -> Test:
    return lambda item: how([one(item), other(item)])


def _value(item: dict[str, Any], field: str) -> Any:
    head, _, rest = field.partition(".")
    if head == "labels":
        return item.get("labels", {}).get(rest)
    value = item.get(head)
    return _value(value, rest) if rest and isinstance(value, dict) else value
