"""JSON values read by the types of Ignition's spec, as Go's ``encoding/json`` reads them: nulls count as unset."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import messages as m
from provision.firstboot.suggest import did_you_mean

if TYPE_CHECKING:
    from json import JSONDecodeError

    from provision.diagnostics import Path
    from provision.firstboot.fields import Field, Plain, Struct
    from provision.firstboot.ignition.messages import Message

MAX_INT = 1 << 63
_WANTED = {
    "str": "a string",
    "bool": "true or false",
    "int": "a whole number",
    "list": "an array",
    "struct": "an object",
}
_ZEROS: dict[str, Any] = {"str": "", "bool": False, "int": 0}
_KINDS = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


class Reader:
    """Keeps what the types know.

    `problems` has what is wrong, with paths; `go` has the first wrong type in Go's words; `unused` the unknown keys.
    """

    def __init__(self) -> None:
        self.problems: list[tuple[Path, Message]] = []
        self.unused: list[tuple[Path, str]] = []
        self.go = ""

    def read(self, value: Plain, struct: Struct) -> dict[str, Any]:
        """Read a whole config."""
        return self._struct(value, struct, (), "")

    def _struct(self, value: Plain, struct: Struct, path: Path, owner: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._wrong(value, "struct", struct.go, path, owner)
            return {}
        result = {}
        for key, inner in value.items():
            field = struct.fields.get(key)
            if field is None:
                self.unused.append(((*path, key), key))
                hint = did_you_mean(key, struct.fields) or m.UNUSED_KEY.hint
                self.problems.append(((*path, key), m.UNUSED_KEY.format(key=key)._replace(hint=hint)))
            elif inner is not None:
                result[key] = self._field(inner, field, (*path, key), struct.name)
        return result

    def _field(self, value: Plain, field: Field, path: Path, owner: str) -> Plain:
        if field.struct is not None:
            return self._struct(value, field.struct, path, owner)
        if field.item is not None:
            if not isinstance(value, list):
                self._wrong(value, "list", field.go, path, owner)
                return []
            return [self._item(item, field.item, (*path, i), owner) for i, item in enumerate(value)]
        if _fits(value, field.kind):
            return value
        self._wrong(value, field.kind, field.go, path, owner)
        return _ZEROS[field.kind]

    def _item(self, value: Plain, field: Field, path: Path, owner: str) -> Plain:
        if value is None:  # in a list a null is a zero value
            return {} if field.struct is not None else _ZEROS[field.kind]
        return self._field(value, field, path, owner)

    def _wrong(self, value: Plain, kind: str, go: str, path: Path, owner: str) -> None:
        found = _KINDS.get(type(value), "value")
        problem = f"{found} where {_WANTED[kind]} is meant"
        self.problems.append((path, m.NOT_JSON.format(problem=problem)._replace(hint=f"write {_WANTED[kind]}")))
        if not self.go:
            shown = f"{found} {value}" if found == "number" and kind == "int" else found
            names = ".".join(step for step in path if isinstance(step, str))
            into = f"Go struct field {owner}.{names}" if names else "Go value"
            self.go = f"json: cannot unmarshal {shown} into {into} of type {go}"


def _fits(value: Plain, kind: str) -> bool:
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and -MAX_INT <= value < MAX_INT
    return isinstance(value, bool if kind == "bool" else str)


_TEXTS = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def syntax_problem(error: JSONDecodeError) -> str:
    """Return Go's words for a syntax error."""
    text, at = error.doc, error.pos
    message = error.msg.partition(":")[0] if error.msg.startswith("Invalid \\escape") else error.msg
    at += message.startswith("Invalid \\")
    if at >= len(text.rstrip(" \t\r\n")) or message.startswith("Unterminated"):
        return "unexpected end of JSON input"
    char = text[at].encode("utf-8", "surrogateescape")[:1].decode("latin-1")
    quoted = {"'": "'\\''", '"': "'\"'"}.get(char) or f"'{_escaped(char)}'"
    where = _TEXTS.get(message) or ("after array element" if _in_array(text[:at]) else "after object key:value pair")
    return f"invalid character {quoted} {where}"


def _escaped(char: str) -> str:
    from provision.firstboot.ignition.golang import quote

    return quote(char)[1:-1]


def _in_array(text: str) -> bool:
    depth = 0
    for bracket in reversed(re.findall(r"[][{}]", _STRING.sub("", text))):
        if bracket in "]}":
            depth += 1
        elif depth == 0:
            return str(bracket) == "["
        else:
            depth -= 1
    return False
