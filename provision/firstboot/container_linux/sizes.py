"""Sizes with units, as ct reads them: ``10GiB`` and ``512MB`` both count in powers of 1024.

Facts: https://github.com/alecthomas/units, ParseBase2Bytes
"""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS: dict[str, int] = {"": 1} | {prefix: 1024**power for power, prefix in enumerate("KMGTPE", 1)}
_NUMBER = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_UNIT = re.compile(r"[^.0-9]*")
MIB = 1 << 20


class SizeError(ValueError):
    """Not a size; the text is ct's."""


def mebibytes(text: str) -> int | None:
    """Return a size in MiB, or None for no text.

    Raises:
        SizeError: it is no size, negative, or not whole MiB.
    """
    if not text:
        return None
    try:
        count = _parse(text, "iB")
    except SizeError:
        count = _parse(text, "B")
    if count < 0:
        from provision.firstboot.ignition.golang import quote

        raise SizeError(f"invalid dimension (negative): {quote(text)}")
    if count % MIB:
        raise SizeError("invalid dimension (finest granularity is 1MiB)")
    return count // MIB


def _parse(text: str, suffix: str) -> int:
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise SizeError(f"units: invalid {text}")
    total = Fraction(0)
    while rest:
        match = _NUMBER.match(rest)
        whole, part = (match[1], match[2]) if match else ("", None)
        if not (whole or part) or len(whole) > 18 or len(part or "") > 18:
            raise SizeError(f"units: invalid {text}")
        rest = rest[match.end() :] if match else ""
        unit = _UNIT.match(rest)
        name = unit[0] if unit else ""
        rest = rest[len(name) :]
        total += (Fraction(int(whole or 0)) + Fraction(int(part or 0), 10 ** len(part or ""))) * _scale(
            name, suffix, text
        )
    count = int(total)
    if count >= 1 << 63:
        raise SizeError("units: overflow parsing unit")
    return -count if text[0] == "-" else count


def _scale(name: str, suffix: str, text: str) -> int:
    # Bytes themselves are "B" in both spellings.
    prefix = "" if name == "B" else name.removesuffix(suffix)
    if prefix not in _UNITS or (not prefix and name != "B") or (prefix and prefix == name):
        raise SizeError(f"units: unknown unit {name} in {text}")
    return _UNITS[prefix]
