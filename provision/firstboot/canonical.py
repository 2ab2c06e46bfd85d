"""What an Ignition config means to a machine, apart from how it is written.

Two builds of zlib pack the same file into different bytes, and a newer compiler may choose base64 where an older one
escaped: neither may replace a machine. So contents stand here as text, or as a digest where they are not text.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import dataurl
from provision.firstboot.inflate import inflate
from provision.firstboot.markers import DATA, RESERVED

if TYPE_CHECKING:
    from provision.model import Json

MAX_SHOWN = 8 << 10
"""Bytes of a text that is kept as text, so that recipes in the state stay small; slots are always kept."""


def canonical(config: Json) -> Json:
    """Return a config with every ``data:`` URL replaced by the contents that it stands for."""
    found: Json = _value(config)
    return found


def _value(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_value(v) for v in value]
    if not isinstance(value, dict):
        return value
    source = value.get("source")
    if isinstance(source, str) and source.startswith(DATA):
        return _resource(value, source)
    return {k: _value(v) for k, v in value.items()}


def _resource(resource: Json, source: str) -> Json:
    found = _contents(source, resource.get("compression") == "gzip")
    if found is None:
        return resource
    return {**{k: v for k, v in resource.items() if k not in ("source", "compression")}, "contents": found}


@lru_cache(maxsize=256)
def _contents(source: str, packed: bool) -> str | None:
    """Return the contents of a ``data:`` URL as they are shown; None when they cannot be read. Machines share most."""
    try:
        content = dataurl.decode(source)
        return _shown(inflate(content) if packed else content)
    except (dataurl.DataURLError, zlib.error):
        return None


def _shown(content: bytes) -> str:
    if len(content) <= MAX_SHOWN or RESERVED.encode() in content:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
