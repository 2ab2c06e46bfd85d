"""``data:`` URLs: which of the three spellings to write, and what may be read.

Facts: https://www.rfc-editor.org/rfc/rfc2397; the Go package vincent-petithory/dataurl, whose laxness Ignition has.
"""

from __future__ import annotations

import binascii
import re
import string
import zlib

UNRESERVED = "-_.!~*'()"
"""Characters besides letters and digits that are written as they are."""

_TOKEN = r"[^\x00-\x20\x7f-\U0010ffff()<>@,;:\\\"/\[\]?=]"  # noqa: S105
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
_SHORTEST_GZIP = len(";base64gzip") + 28
"""What no gzipped URL can be shorter than: 18 bytes of frame and two of content, in base64."""
_UNRESERVED = (string.ascii_letters + string.digits + UNRESERVED).encode()
_ESCAPED = [chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256)]


class DataURLError(ValueError):
    """Not a data URL; the text is Ignition's."""


def encode(content: bytes, *, compress: bool) -> tuple[str, bool]:
    """Return the shortest data URL of a content, and whether it is gzipped; ties go to the plainer form.

    Gzip counts as four bytes longer, for the ``gzip`` that must be written next to it.
    """
    # The lengths decide, so only the URL that is chosen is built.
    plain = len(content) + 2 * len(content.translate(None, _UNRESERVED))
    encoded = len(";base64") + _base64_length(len(content))
    best = min(plain, encoded)
    if compress and best > _SHORTEST_GZIP:
        packed = gzip(content)
        if len(";base64gzip") + _base64_length(len(packed)) < best:
            return _base64(packed), True
    return (escaped(content) if plain <= encoded else _base64(content)), False


def escaped(content: bytes) -> str:
    """Return the percent-escaped data URL of a content."""
    return "data:," + "".join(map(_ESCAPED.__getitem__, content))


def _base64(content: bytes) -> str:
    return "data:;base64," + binascii.b2a_base64(content, newline=False).decode()


def _base64_length(size: int) -> int:
    return (size + 2) // 3 * 4


def gzip(content: bytes) -> bytes:
    """Compress at level 9 without a name or time, so that equal contents give equal bytes."""
    # A small window for a small content: the bytes are the same, and 256 KiB less to clear.
    packer = zlib.compressobj(9, zlib.DEFLATED, *((-9, 4) if len(content) < 256 else (-15, 9)))
    body = packer.compress(content) + packer.flush()
    tail = zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    return _GZIP_HEADER + body + tail


def decode(url: str) -> bytes:
    """Return the bytes of a data URL.

    Raises:
        DataURLError: it is none; gzip is not looked at.
    """
    data, encoded = _split(url)
    return _unbase64(data) if encoded else _unescape(data)


def check(url: str) -> None:
    """Refuse what `decode` would refuse, without the work for the usual forms."""
    if _PLAIN.match(url):
        return
    decode(url)


_PLAIN = re.compile(r"data:,(?:[A-Za-z0-9\-_.!~*'()]|%[0-9A-Fa-f]{2})*+\Z")
_DATA = re.compile(r"[^\x00-\x20\x7f-\U0010ffff<>#\"{}|\\^\[\]`]*\Z")
_VALUE = r"(?:[^\x00-\x20\x7f-\U0010ffff()<>@,;:\\\"/\[\]?=%]|%[0-9A-Fa-f]{2})+"
_PARAMETERS = re.compile(rf'(?:;{_TOKEN}+=(?:{_VALUE}|"(?:[^"\\\r]|\\.)*")(?=[;,]))*+', re.DOTALL)
"""Parameters that are well-formed, which are taken at once: one after another, each cut off, would be quadratic."""
_BASE64 = re.compile(r"[A-Za-z0-9+/=\n]*\Z")


def _split(url: str) -> tuple[str, bool]:
    """Return the data part, and whether it is base64, by the package's state machine."""
    rest = _media_type(url.removeprefix("data:"))
    usual = _PARAMETERS.match(rest)
    rest = rest[usual.end() :] if usual else rest
    encoded = False
    while rest.startswith(";"):
        rest, is_base64 = _parameter(rest[1:])
        encoded = encoded or is_base64
    if not rest.startswith(","):
        raise DataURLError("expected semicolon or comma" if rest else "missing comma before data")
    data = rest[1:]
    if not (_BASE64 if encoded else _DATA).match(data):
        raise DataURLError("invalid data character")
    return data, encoded


def _media_type(rest: str) -> str:
    if not rest:
        raise DataURLError("missing comma before data")
    if rest[0] in ";,":
        return rest
    if not re.match(_TOKEN, rest):
        raise DataURLError("invalid character after data prefix")
    kind = re.match(f"{_TOKEN}*", rest)
    end = kind.end() if kind else 0
    if rest[end : end + 1] != "/":
        raise DataURLError("invalid character for media type" if end < len(rest) else "missing media type slash")
    known = ("text", "image", "audio", "video", "application", "message", "multipart")
    if rest[:2].lower() != "x-" and not rest.startswith(known):
        raise DataURLError("invalid media type")
    subtype = re.match(f"{_TOKEN}*", rest[end + 1 :])
    tail = rest[end + 1 + (subtype.end() if subtype else 0) :]
    if not tail:
        raise DataURLError("incomplete media type")
    if tail[0] not in ";,":
        raise DataURLError("invalid character for media subtype")
    return tail


def _parameter(rest: str) -> tuple[str, bool]:
    if not rest or rest[0] in "=,":
        raise DataURLError("unterminated parameter sequence")
    name = re.match(f"{_TOKEN}+", rest)
    if name is None:
        raise DataURLError("invalid character for parameter attribute")
    tail = rest[name.end() :]
    if not tail:
        raise DataURLError("unterminated parameter sequence")
    if tail[0] == ",":
        if name[0] != "base64":
            raise DataURLError(f"expected base64, got {name[0]}")
        return tail, True
    if tail[0] != "=":
        raise DataURLError("invalid character for parameter attribute")
    return _parameter_value(tail[1:]), False


def _parameter_value(rest: str) -> str:
    if rest.startswith('"'):
        quoted = re.match(r'"(?:[^"\\\r]|\\.)*"', rest, re.DOTALL)
        if quoted is None:
            raise DataURLError("unclosed quoted string")
        tail = rest[quoted.end() :]
        if tail and tail[0] not in ";,":
            raise DataURLError("expected semicolon or comma")
    else:
        value = re.match(f"{_TOKEN}+", rest)
        if value is None:
            raise DataURLError("missing comma before data" if not rest else "invalid character for parameter value")
        _unescape(value[0])
        tail = rest[value.end() :]
        if tail and tail[0] not in ";,":
            raise DataURLError("invalid character for parameter value")
    if not tail:
        raise DataURLError("missing comma before data")
    return tail


def _unescape(data: str) -> bytes:
    bad = re.search(r"%(?![0-9A-Fa-f]{2})", data)
    if bad:
        tail = data[bad.end() : bad.end() + 2]
        if len(tail) < 2 and re.fullmatch(r"[0-9A-Fa-f]*", tail):
            raise DataURLError("rfc2396: unexpected end of unescape sequence")
        raise DataURLError("rfc2396: invalid char 0x25 in unescape sequence")
    head, *parts = data.encode().split(b"%")
    return head + b"".join(bytes.fromhex(part[:2].decode()) + part[2:] for part in parts)


def _unbase64(data: str) -> bytes:
    text = data.replace("\n", "")
    bad = re.search(r"=(?!=?$)|=(?=.{2,})|={3,}", text)
    if bad or len(text) % 4:
        offset = bad.start() if bad else len(data) - len(text) % 4
        raise DataURLError(f"illegal base64 data at input byte {offset}")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise DataURLError(f"illegal base64 data at input byte {len(data)}") from None
