"""Whether a machine's Ignition can read a config: it says so in its request, and fails its boot when it cannot."""

from __future__ import annotations

import json
import re

NEWEST = re.compile(r"application/vnd\.coreos\.ignition\+json;\s*version=(\d+)\.(\d+)\.(\d+)")


def unreadable(spec: tuple[int, ...], accept: str) -> str:
    """Return what is wrong, in words for the operator; "" for nothing, or when nothing can be told.

    Args:
        spec: the config's version; () when it is not known.
        accept: the request's Accept header; Ignition names the newest stable spec that it reads.
    """
    found = NEWEST.search(accept)
    if found is None or not spec:
        return ""
    newest = tuple(map(int, found.groups()))
    if spec[0] == newest[0] and spec <= newest:
        return ""
    return f"its Ignition reads configs up to {'.'.join(map(str, newest))}, this one is {'.'.join(map(str, spec))}"


def version(config: bytes) -> tuple[int, ...]:
    """Return the Ignition version that a config is written for, () when it is no Ignition config."""
    try:
        text = json.loads(config)["ignition"]["version"]
        return tuple(int(part) for part in text.split("."))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()
