"""What Go's standard library decides about texts, since Ignition's rules are written in its terms."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$")
_HOST = re.compile(r"(?:[^\x00-\x7f]|[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"]|%25|%[89A-Fa-f][0-9A-Fa-f])*$")
_SEMVER_TAIL = re.compile(r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*$")


@dataclass(frozen=True, slots=True)
class URL:
    """The parts of a URL that rules look at."""

    scheme: str
    opaque: str
    host: str
    path: str
    query: str


def parse_url(text: str) -> URL | None:
    """Parse a URL as ``net/url.Parse`` does; None where it refuses."""
    if _CONTROL.search(text):
        return None
    text, _, fragment = text.partition("#")
    if _BAD_ESCAPE.search(fragment):
        return None
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    if match is None and text.startswith(":"):
        return None
    rest, _, query = (text[match.end() :] if match else text).partition("?")
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme, rest, "", "", query)
        if ":" in rest.partition("/")[0]:
            return None
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, at, host = authority.rpartition("@")
        if not _host_is_valid(host) or (at and (not _USERINFO.match(user) or _BAD_ESCAPE.search(user))):
            return None
    return None if _BAD_ESCAPE.search(rest) else URL(scheme, "", host, rest, query)


def _host_is_valid(host: str) -> bool:
    if host.startswith("["):
        inner, bracket, port = host.rpartition("]")
        return bool(bracket) and _port_is_valid(port) and bool(_HOST.match(inner.partition("%25")[0]))
    name, colon, port = host.rpartition(":")
    return (not colon or _port_is_valid(colon + port)) and bool(_HOST.match(name if colon else host))


def _port_is_valid(port: str) -> bool:
    return port == "" or (port[0] == ":" and all(c in "0123456789" for c in port[1:]))


def query_value(query: str, name: str) -> str | None:
    """Return a query parameter's first value, or None when it is absent."""
    from urllib.parse import unquote_plus

    for part in query.split("&"):
        key, _, value = part.partition("=")
        if ";" not in part and not _BAD_ESCAPE.search(part) and unquote_plus(key) == name and part:
            return unquote_plus(value)
    return None


def clean(path: str) -> str:
    """Return a path as ``path.Clean`` does: the shortest form without ``.``, ``..`` and double slashes."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def join(*parts: str) -> str:
    """Join and clean paths as ``path.Join`` does; empty parts are passed over, absolute ones are appended."""
    kept = [part for part in parts if part]
    return clean("/".join(kept)) if kept else ""


def extension(name: str) -> str:
    """Return the last dot of a path's last part and all after it, or nothing (``path.Ext``)."""
    last = name.rpartition("/")[2]
    dot = last.rfind(".")
    return last[dot:] if dot >= 0 else ""


def semver(text: str) -> str | None:
    """Return a version in ``go-semver``'s normal form, or None when it is none."""
    rest, _, metadata = text.partition("+")
    rest, _, pre = rest.partition("-")
    parts = rest.split(".", 2)
    if len(parts) != 3 or any(tail and not _SEMVER_TAIL.match(tail) for tail in (pre, metadata)):
        return None
    if not all(re.fullmatch(r"[+-]?[0-9]+", part) and abs(int(part)) < 1 << 63 for part in parts):
        return None
    numbers = ".".join(str(int(part)) for part in parts)
    return numbers + (f"-{pre}" if pre else "") + (f"+{metadata}" if metadata else "")


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str) -> str:
    """Write a text as ``strconv.Quote`` does (``%q``)."""
    out = []
    for char in text:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        else:
            out.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def is_json(text: str) -> bool:
    """Whether ``encoding/json`` reads a text."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)


def to_bytes(text: str) -> bytes:
    """Return a text's bytes; what was not UTF-8 in a ``!!binary`` comes back as it was."""
    return text.encode("utf-8", "surrogateescape" if not text.isascii() else "strict")
