"""The six rules of coreos-cloudinit's validator."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from provision.firstboot.cloudconfig.coerce import compatible, human, kind_of
from provision.firstboot.cloudconfig.decoding import ContentError, decode_content
from provision.firstboot.cloudconfig.model import deprecated, types, valid
from provision.firstboot.cloudconfig.scalars import Timestamp, go_value
from provision.firstboot.cloudconfig.weak import Entry, Panic
from provision.firstboot.ignition.golang import clean, parse_url, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.fields import Field, Struct

Line = tuple[int, str, str]
"""Line, severity and text of a finding."""

_UNCOMPARABLE = {"map": "map[string]interface {}", "slice": "[]interface {}"}


def all_checks(config: Entry) -> Iterator[Line]:
    """Return what all rules say about a config.

    Raises:
        Panic: the validator would have ended.
    """
    yield from discovery_url(config)
    yield from encodings(config)
    yield from structure(config)
    yield from validity(config, types())
    yield from read_only_files(config)
    found = config.child("coreos").child("write_files")
    if found.kind != "invalid":
        yield found.line, "info", "write_files doesn't belong under coreos"


def discovery_url(config: Entry) -> Iterator[Line]:
    """Report an etcd discovery URL that is none."""
    found = config.child("coreos").child("etcd").child("discovery")
    if found.kind != "invalid" and not is_request_uri(_string(found)):
        yield found.line, "warning", "discovery URL is not valid"


def is_request_uri(text: str) -> bool:
    """Whether ``net/url.ParseRequestURI`` reads a text: a URL with a scheme, or a path."""
    if text == "*":
        return True
    parsed = parse_url(text.replace("#", "%23"))
    return bool(text) and parsed is not None and (bool(parsed.scheme) or text.startswith("/"))


def encodings(config: Entry) -> Iterator[Line]:
    """Report contents of files that are not of their encoding."""
    for file in config.child("write_files").below:
        encoding, content = file.child("encoding"), file.child("content")
        if encoding.kind == "invalid":
            continue
        try:
            decode_content(_string(content), _string(encoding))
        except ContentError:
            yield content.line, "error", f"content cannot be decoded as {quote(_string(encoding))}"


def _string(entry: Entry) -> str:
    """Return what Go's ``Value.String`` returns: the text, or what stands there instead."""
    if entry.kind == "string":
        return str(entry.value)
    kind = {"map": "map[string]interface {}", "slice": "[]interface {}", "struct": "time.Time"}.get(entry.kind)
    return f"<{kind or entry.kind} Value>"


def structure(config: Entry) -> Iterator[Line]:
    """Report unknown keys, old ones, and values of the wrong type."""
    if config.kind == "invalid":
        yield 0, "warning", 'incorrect type for "" (want struct)'
        return
    yield from _struct(config, types())


def _struct(entry: Entry, struct: Struct) -> Iterator[Line]:
    old = deprecated(struct)
    for below in entry.below:
        field = struct.fields.get(below.name)
        if field is None:
            yield below.line, "warning", f"unrecognized key {quote(below.name)}"
            continue
        if below.name in old:
            yield below.line, "warning", f"deprecated key {quote(below.name)} ({old[below.name]})"
        yield from _field(below, field)


def _field(entry: Entry, field: Field) -> Iterator[Line]:
    if not compatible(entry.kind, kind_of(field)):
        yield entry.line, "warning", f"incorrect type for {quote(entry.name)} (want {human(field)})"
    elif field.struct is not None:
        yield from _struct(entry, field.struct)
    elif field.item is not None:
        for below in entry.below:
            yield from _field(below, field.item)


def validity(entry: Entry, struct: Struct) -> Iterator[Line]:
    """Report values that do not match what their fields may have."""
    patterns = valid(struct)
    for below in entry.below:
        field = struct.fields.get(below.name)
        if field is None:
            continue
        if below.name in patterns and not _matches(below, patterns[below.name]):
            yield below.line, "error", f"invalid value {go_value(below.value)}"
        inner = field.item.struct if field.item is not None else field.struct
        if inner is not None:
            for each in below.below if field.item is not None else [below]:
                yield from validity(each, inner)


def _matches(entry: Entry, pattern: str) -> bool:
    kind = entry.kind
    if kind == "invalid":
        raise Panic("reflect: call of reflect.Value.Interface on zero Value")
    if kind in _UNCOMPARABLE:
        raise Panic(f"runtime error: comparing uncomparable type {_UNCOMPARABLE[kind]}")
    if isinstance(entry.value, Timestamp) or not entry.value:
        return True
    return is_valid(go_value(entry.value), pattern)


def is_valid(text: str, pattern: str) -> bool:
    """Whether a text matches a regular expression of Go's."""
    return _compiled(pattern).search(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # In Go, $ is the end of the text and not of its last line.
    return re.compile(pattern.replace("$", r"\Z"))


def read_only_files(config: Entry) -> Iterator[Line]:
    """Report files below /usr, and below all else that begins with these letters."""
    for file in config.child("write_files").below:
        path = file.child("path")
        if path.kind != "invalid" and is_read_only(_string(path)):
            yield path.line, "error", "file cannot be written to a read-only filesystem"


def is_read_only(path: str) -> bool:
    """Whether the validator refuses a path."""
    folder = path[: path.rfind("/") + 1]
    return clean(folder or ".").startswith("/usr")
