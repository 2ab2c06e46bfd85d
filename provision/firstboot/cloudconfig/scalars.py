"""YAML scalars as Go values, and Go values as its format verbs write them."""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.decode import TAG, DecodeError, resolve

if TYPE_CHECKING:
    from yaml import ScalarNode

_NAMES = {bool: "bool", int: "int", float: "float64"}


class Timestamp(str):
    """A date or time; Go has a type of its own for it."""

    __slots__ = ()


def scalar(node: ScalarNode) -> Any:  # noqa: ANN401
    """Return a scalar's value by YAML's rules alone.

    Raises:
        DecodeError: an explicit tag does not fit.
    """
    tag: str = node.tag or ""
    if tag in ("", "!"):
        return node.value if node.style else _typed(*resolve(node.value))
    wanted = tag.removeprefix(TAG)
    if wanted == "binary":
        return _unbase64(node.value)
    if wanted not in ("bool", "int", "float", "null", "timestamp"):
        return node.value
    found, value = resolve(node.value)
    if found == wanted:
        return _typed(found, value)
    if (wanted, found) == ("float", "int"):
        return float(value)
    raise DecodeError(f"cannot decode !!{found} `{node.value}` as a !!{wanted}")


def _typed(tag: str, value: Any) -> Any:  # noqa: ANN401
    return Timestamp(value) if tag == "timestamp" else value


def _unbase64(text: str) -> str:
    try:
        data = base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("!!binary value contains invalid base64 data") from None
    return data.decode("utf-8", "surrogateescape")


def go_text(value: Any) -> str:  # noqa: ANN401
    """Return a key as ``%s`` writes it: Go complains about those that are no text."""
    if isinstance(value, str):
        return value
    return f"%!s({_NAMES[type(value)]}={go_value(value)})" if type(value) in _NAMES else "%!s(<nil>)"


def go_value(value: Any) -> str:  # noqa: ANN401
    """Return a value as ``%v`` writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return _float(value) if isinstance(value, float) else str(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits, _, exponent = f"{value:e}".partition("e")
    digits = repr(value) if "e" not in repr(value) else digits
    if -4 <= int(exponent) < 21:
        text = f"{value:.0f}" if value == int(value) else repr(value)
        return text if "e" not in text else f"{value:.17f}".rstrip("0")
    mantissa = repr(value).partition("e")[0] if "e" in repr(value) else f"{value:e}".partition("e")[0]
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"
