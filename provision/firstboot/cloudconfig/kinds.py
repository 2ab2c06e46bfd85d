"""What user data is, by its first line: coreos-cloudinit takes more than cloud-configs."""

from __future__ import annotations

import json
from enum import StrEnum

HEADER = "#cloud-config"


class Kind(StrEnum):
    """The kinds of user data that coreos-cloudinit tells apart."""

    EMPTY = "empty"
    SCRIPT = "script"
    IGNITION = "Ignition config"
    MULTIPART = "multipart message"
    CLOUD_CONFIG = "cloud-config"
    UNKNOWN = "unknown"


def kind_of(text: str) -> Kind:
    """Return what a text is."""
    if not text:
        return Kind.EMPTY
    first = text.partition("\n")[0]
    if first.startswith("#!"):
        return Kind.SCRIPT
    if _is_ignition(text):
        return Kind.IGNITION
    if "Content-Type: multipart/mixed;" in first:
        return Kind.MULTIPART
    return Kind.CLOUD_CONFIG if first.rstrip() == HEADER else Kind.UNKNOWN


def _is_ignition(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    section, old = found.get("ignition"), found.get("ignitionVersion")
    if not isinstance(section, dict | None) or not isinstance(old, int | None):
        return False
    version = (section or {}).get("version")
    return old is not None or isinstance(version, str)
