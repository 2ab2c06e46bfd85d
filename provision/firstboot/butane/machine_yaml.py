"""A MachineConfig as YAML, to the byte as Go's yaml.v3 writes it: two spaces, sorted keys, no folding.

Facts: yaml.v3's emitterc.go (which style a scalar may have), encode.go and sorter.go.
"""

from __future__ import annotations

import base64
import functools
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from provision.firstboot.decode import NO, YES, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.fields import Plain

_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_INDICATOR = re.compile(r"[#,\[\]{}&*!|>'\"%@`]|[?:-](?:[\s]|\Z)|---|\.\.\.")
_INNER_INDICATOR = re.compile(r":(?:\s|\Z)|\s#")
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\a": "\\a", "\b": "\\b"}
_NAMED |= {
    "\v": "\\v",
    "\f": "\\f",
    "\x1b": "\\e",
    "\x85": "\\N",
    "\u2028": "\\L",
    "\u2029": "\\P",
    "\ufeff": "\\uFEFF",
}


def to_yaml(value: dict[str, Any]) -> str:
    """Return a value as a YAML document that ends with one newline."""
    return "\n".join(_mapping(value, 0)).strip("\n") + "\n"


def _mapping(value: dict[str, Any], indent: int) -> Iterator[str]:
    for key in sorted(value, key=functools.cmp_to_key(_compare)):
        yield from _entry(f"{' ' * indent}{_scalar(key, indent, key=True)}:", value[key], indent)


def _entry(head: str, value: Plain, indent: int) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, indent + 2)
    elif isinstance(value, list) and value:
        yield head
        yield from _sequence(value, indent + 2)
    else:
        yield f"{head} {_plain_value(value, indent + 2)}"


def _sequence(values: list[Any], indent: int) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict | list) and value:
            lines = (_mapping if isinstance(value, dict) else _sequence)(value, indent + 2)  # type: ignore[arg-type]
            for i, line in enumerate(lines):
                yield f"{' ' * indent}- {line[indent + 2 :]}" if i == 0 else line
        else:
            yield f"{' ' * indent}- {_plain_value(value, indent + 2)}"


def _plain_value(value: Plain, indent: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, str):
        return _scalar(value, indent)
    return "{}" if isinstance(value, dict) else "[]" if isinstance(value, list) else "null"


def _number(value: int) -> str:
    # The numbers come from JSON, so Go has them as floats, and writes a million as 1e+06.
    if abs(value) < 1_000_000:
        return str(value)
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    return f"{'-' if sign else ''}{text[0]}{'.' + text[1:] if text[1:] else ''}e+{power:02}"


def _scalar(text: str, indent: int, *, key: bool = False) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        data = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        lines = "\n".join(data[i : i + 70] for i in range(0, len(data), 70))
        return f"!!binary {_scalar(lines + chr(10) if len(data) > 70 else data, indent)}"
    special = bool(_UNPRINTABLE.search(text)) or re.search(r" [\n\x85\u2028\u2029]", text) is not None
    if "\n" in text and not key and not special and not text.endswith(" "):
        return _literal(text, indent)
    resolves = resolve(text)[0] != "str" or _BASE60.match(text) or text in YES or text in NO
    if "\n" in text or special or "\t" in text or resolves:
        return _double(text)
    if not text or text[0] == " " or text[-1] == " " or _INDICATOR.match(text) or _INNER_INDICATOR.search(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    body = text.rstrip("\n")
    ending = len(text) - len(body)
    chomp = "-" if ending == 0 else "" if ending == 1 and body else "+"
    pad = " " * indent
    lines = [pad + line if line else "" for line in text.removesuffix("\n").split("\n")]
    return "\n".join([f"|{hint}{chomp}", *lines])


def _double(text: str) -> str:
    out = []
    for char in text:
        if char in _NAMED:
            out.append(_NAMED[char])
        elif not _UNPRINTABLE.match(char):
            out.append(char)
        else:
            code = ord(char)
            out.append(f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}")
    return '"' + "".join(out) + '"'


def _compare(a: str, b: str) -> int:
    """Order keys as yaml.v3 does: letters after other characters, runs of digits by their number."""
    digits = False
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            digits = x.isdigit()
            continue
        if x.isalpha() or y.isalpha():
            if x.isalpha() and y.isalpha():
                return -1 if x < y else 1
            return -1 if x.isalpha() == digits else 1
        return _compare_numbers(a, b, i)
    return len(a) - len(b)


def _compare_numbers(a: str, b: str, at: int) -> int:
    lead = re.search(r"[0-9]*\Z", a[:at])
    seed = "1" if "0" in (a[at], b[at]) and lead and lead[0].strip("0") else ""
    runs = [re.match(r"[0-9]*", text[at:]) for text in (a, b)]
    x, y = (run[0] if run else "" for run in runs)
    numbers = int(seed + x or "0"), int(seed + y or "0")
    if numbers[0] != numbers[1]:
        return -1 if numbers[0] < numbers[1] else 1
    return len(x) - len(y) or (-1 if a[at] < b[at] else 1)
