"""Markers: places in a first-boot config that are filled later, and the filling, which minds where each one stands.

A marker is made of characters that no URL escapes, so it survives in a unit's text and in a ``data:`` URL alike. There
are two sorts: slots, which only `up` can fill, and the facts that tell the machines of one pool apart, which compiling
fills so that a pool is compiled once.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import dataurl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provision.diagnostics import Path

RESERVED = "(~provision."
"""How every marker begins; a user's config must not hold it."""

SLOT = f"{RESERVED}slot."
FACT = f"{RESERVED}machine."
NAME, ADDRESS, INDEX = f"{FACT}name~)", f"{FACT}address~)", f"{FACT}index~)"
"""The machine's name, planned address and number within its pool, in what is compiled once for many."""

_NAME = r"([a-z0-9][a-z0-9._-]*)~\)"
SLOTS = re.compile(re.escape(SLOT) + _NAME)
FACTS = re.compile(re.escape(FACT) + _NAME)
DATA = "data:"
UNSAFE = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]')
UNIT_TEXT = re.compile(r"systemd\.units\.\d+\.(dropins\.\d+\.)?contents|coreos\.units\.\d+\.(drop_ins\.\d+\.)?content")
USER_PART = "user-part"
"""Where a cloud-init config holds the user's part, which stays text."""


def slot_names(value: object) -> Iterator[str]:
    """Yield the names of all slots that a JSON value holds, once for each place."""
    for found in SLOTS.finditer(json.dumps(value, ensure_ascii=False)):
        yield found[1]


def places(value: object, marks: str = SLOT, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each string of a JSON value that holds a marker."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, marks, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from places(inner, marks, (*path, i))
    elif isinstance(value, str) and marks in value:
        yield path, value


def fill_facts(value: Any, facts: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return a JSON value with the machine's facts filled in, by their names; slots stay open."""
    return _walk(value, FACT, lambda text, _: FACTS.sub(lambda m: facts[m[1]], text), ())


def fill_slots(value: Any, materials: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return a JSON value with materials in its slots.

    Within a ``data:`` URL they are percent-escaped; within a unit ``%`` is doubled, since systemd expands specifiers;
    within a YAML document that stays text they are escaped for the quotes in which they stand.
    """
    return _walk(value, SLOT, lambda text, path: SLOTS.sub(lambda m: _written(materials[m[1]], text, path), text), ())


def in_unit(path: Path) -> bool:
    """Whether a path leads to the text of a unit or drop-in."""
    return path[:1] in (("systemd",), ("coreos",)) and bool(UNIT_TEXT.fullmatch(".".join(map(str, path))))


def escaped(material: str) -> str:
    """Return a text as it stands in a ``data:`` URL."""
    return dataurl.escaped(material.encode()).partition(",")[2]


def quoted(text: str) -> str:
    """Return a text in double quotes, as JSON and YAML both read it."""
    return f'"{UNSAFE.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}" if found[0] in '"\\' else f"\\u{ord(found[0]):04x}"


def _written(material: str, text: str, path: Path) -> str:
    if text.startswith(DATA):
        return escaped(material)
    if path == (USER_PART,):
        return quoted(material)[1:-1]
    return material.replace("%", "%%") if in_unit(path) else material


def _walk(value: Any, marks: str, write: Callable[[str, Path], str], path: Path) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {k: _walk(v, marks, write, (*path, k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(v, marks, write, (*path, i)) for i, v in enumerate(value)]
    return write(value, path) if isinstance(value, str) and marks in value else value
