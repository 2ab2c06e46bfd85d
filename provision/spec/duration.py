"""Durations as the spec writes them: ``30m``, ``8h``, ``7d``, ``2w``, and combinations such as ``1d12h``."""

from __future__ import annotations

import re

_UNITS = {"w": 7 * 24 * 3600, "d": 24 * 3600, "h": 3600, "m": 60}
_FORM = re.compile(r"(?=[0-9])([0-9]{1,4}w)?([0-9]{1,4}d)?([0-9]{1,4}h)?([0-9]{1,4}m)?", re.ASCII)


def parse(text: str) -> int:
    """Return a duration in seconds.

    Raises:
        ValueError: the text is not a duration; the message says what is.
    """
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a duration such as 30m, 8h, 7d, 2w or 1d12h")
    return sum(int(part[:-1]) * _UNITS[part[-1]] for part in match.groups() if part)


def write(seconds: int) -> str:
    """Return whole minutes as the shortest duration, largest unit first; a rest below a minute is dropped."""
    parts, rest = [], seconds
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0m"
