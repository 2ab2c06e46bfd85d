"""Laying options over options."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.model import Json


def overlay(below: Json, above: Json) -> Json:
    """Return `below` with `above` laid over it: mappings key by key, all else replaced (RFC 7396 without null)."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = overlay(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
