"""Ignition 2 configs joined as Ignition joins them: lists one after the other, single values from the latter.

A unit or file that both have stays there twice, in order: Ignition 2 writes the latter over the former, and keeps the
drop-ins of both.
"""

from __future__ import annotations

from typing import Any

from provision.firstboot.ignition2.model import NEWEST


def append(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return both configs as one of the newest version, in which all older ones can be written."""
    joined: dict[str, Any] = _joined(first, second)
    joined["ignition"] = {**joined.get("ignition", {}), "version": NEWEST}
    return joined


def _joined(first: Any, second: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(first, dict) and isinstance(second, dict):
        both = {name: _joined(first[name], second[name]) for name in first if name in second}
        return {**first, **second, **both}
    return first + second if isinstance(first, list) and isinstance(second, list) else second
