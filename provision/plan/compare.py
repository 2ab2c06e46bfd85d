"""What changed between two bodies or recipes, in words: "unit app.service changed", "size small → large". Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json

NOUNS = {
    ("systemd", "units"): ("unit", "name"),
    ("systemd", "units", "dropins"): ("drop-in", "name"),
    ("storage", "files"): ("file", "path"),
    ("storage", "directories"): ("directory", "path"),
    ("storage", "links"): ("link", "path"),
    ("storage", "filesystems"): ("filesystem", "device"),
    ("storage", "disks"): ("disk", "device"),
    ("storage", "raid"): ("raid", "name"),
    ("storage", "luks"): ("luks volume", "name"),
    ("passwd", "users"): ("user", "name"),
    ("passwd", "groups"): ("group", "name"),
    ("networkd", "units"): ("network unit", "name"),
}
"""Where an Ignition config holds lists of named things: what one is called, and which field names it."""

SHORT = 40
"""Values longer than this are not shown, only that they changed."""


def differences(old: Json, new: Json) -> tuple[str, ...]:
    """Return what changed from one JSON object to another, in the order of the old one's keys, then the new one's."""
    return tuple(_objects(old, new, ()))


def changed_fields(old: Json, new: Json) -> frozenset[str]:
    """Return the top-level keys whose values differ."""
    return frozenset(k for k in old.keys() | new.keys() if old.get(k, _NONE) != new.get(k, _NONE))


_NONE = object()


def _objects(old: Json, new: Json, path: tuple[str, ...]) -> Iterator[str]:
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key, _NONE), new.get(key, _NONE)
        if before != after:
            yield from _values(before, after, (*path, key))


def _values(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - any JSON
    noun = next(((n, k) for p, (n, k) in NOUNS.items() if path[-len(p) :] == p), None)
    if noun and _lists(before, after):
        yield from _named(before, after, *noun)
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _objects(before, after, path)
    else:
        yield _scalar(".".join(path), before, after)


def _lists(before: object, after: object) -> bool:
    return all(v is _NONE or (isinstance(v, list) and all(isinstance(i, dict) for i in v)) for v in (before, after))


def _named(before: Any, after: Any, noun: str, key: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    old = {str(item.get(key)): item for item in (() if before is _NONE else before)}
    new = {str(item.get(key)): item for item in (() if after is _NONE else after)}
    texts = [
        f"{noun} {name} {'removed' if name not in new else 'added' if name not in old else 'changed'}"
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]
    yield from texts or [f"order of {noun}s changed"]


def _scalar(name: str, before: object, after: object) -> str:
    if after is _NONE:
        return f"{name} removed"
    if before is _NONE:
        return f"{name} {after} added" if _short(after) else f"{name} added"
    return f"{name} {before} → {after}" if _short(before) and _short(after) else f"{name} changed"


def _short(value: object) -> bool:
    return not isinstance(value, (dict, list)) and len(str(value)) <= SHORT and "\n" not in str(value)
