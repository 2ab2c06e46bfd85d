"""Contents that were gzipped one by one, unpacked again: gzip does better on the whole than on its parts."""

from __future__ import annotations

import json
import zlib
from typing import Any

from provision.firstboot.ignition import dataurl, serialise
from provision.firstboot.markers import DATA

MAX_BYTES = 64 << 20
"""What a content may grow to; more, and it stays packed."""


def inflate(content: bytes) -> bytes:
    """Return what a gzip stream of one member holds.

    Raises:
        zlib.error: it is no such stream, or holds more than MAX_BYTES.
    """
    reader = zlib.decompressobj(wbits=31)
    found = reader.decompress(content, MAX_BYTES)
    if reader.unconsumed_tail or reader.unused_data or not reader.eof:
        raise zlib.error("too large, or more than one member")
    return found


def unpacked(config: str, spec_version: str) -> str:
    """Return an Ignition config's text with the same meaning and no gzipped contents but those with a hash."""
    return serialise(_value(json.loads(config)), spec=spec_version)


def _value(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_value(v) for v in value]
    if not isinstance(value, dict):
        return value
    source = value.get("source")
    if value.get("compression") == "gzip" and isinstance(source, str) and source.startswith(DATA):
        if value.get("verification"):
            return value
        try:
            content = inflate(dataurl.decode(source))
        except (dataurl.DataURLError, zlib.error):
            return value
        return {k: v for k, v in value.items() if k != "compression"} | {"source": dataurl.escaped(content)}
    return {k: _value(v) for k, v in value.items()}
