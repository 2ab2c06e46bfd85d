"""What ``write_files`` may be encoded as, and the bytes that an encoded content stands for."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import zlib

BASE64 = frozenset(("base64", "b64"))
GZIP = frozenset(("gz", "gzip"))
BOTH = frozenset(f"{packed}+{encoded}" for packed in GZIP for encoded in BASE64)
MAX_UNPACKED = 64 << 20
"""Bytes that a gzipped content may have; more is not a file for a machine's first boot."""


class ContentError(ValueError):
    """A content cannot be decoded."""


def decode_content(content: str, encoding: str) -> bytes:
    """Return the bytes of an encoded content.

    Raises:
        ContentError: the encoding is unknown, or the content is not of it.
    """
    data = content.encode("utf-8", "surrogateescape")
    if encoding == "":
        return data
    if encoding in BASE64:
        return _unbase64(data)
    if encoding in GZIP:
        return _unpack(data)
    if encoding in BOTH:
        return _unpack(_unbase64(data))
    raise ContentError(f"unsupported encoding {encoding}")


def _unbase64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data.replace(b"\n", b"").replace(b"\r", b""), validate=True)
    except (binascii.Error, ValueError):
        raise ContentError("not base64") from None


def _unpack(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error):
        raise ContentError("not gzip") from None
    if not data or len(unpacked) > MAX_UNPACKED:
        raise ContentError("not gzip" if not data else "too large")
    return unpacked
