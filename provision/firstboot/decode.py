"""A YAML tree to plain values, each read by the type of the field that it fills, as Go's yaml.v3 does.

A ``bool`` takes ``yes`` but not quoted ``"true"``; a ``str`` keeps the source text of ``1.10`` and ``0755``; an
``int`` takes ``0o644``, ``1_000`` and ``1e3``. Type errors are collected with yaml.v3's own texts and lines. Facts:
yaml.v3's decode.go and resolve.go.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Plain, Struct

TAG = "tag:yaml.org,2002:"
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
TRUE = frozenset(("true", "True", "TRUE"))
FALSE = frozenset(("false", "False", "FALSE"))
YES = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
NO = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF"))
MISSING: Any = object()
"""What a null in a list, or a value of the wrong type, decodes to: nothing."""

_FLOATS = {".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan} | {
    sign + name: number
    for sign, number in (("", math.inf), ("+", math.inf), ("-", -math.inf))
    for name in (".inf", ".Inf", ".INF")
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_INT = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>[1-9][0-9]*|0))$"
)
_DATE = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)| (\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?)?$"
)


class DecodeError(Exception):
    """The tree cannot be decoded at all; the text is yaml.v3's, without its ``yaml: ``."""


class AliasNode(Node):
    """An alias; its value is the node that it stands for. It has a place of its own and no children."""

    id = "alias"


def decode(root: Node | None, struct: Struct) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    """Decode a tree into a dict of the fields that are set, and the type errors as (line, text).

    Raises:
        DecodeError: an anchor holds itself, aliases expand too far, or a merge key or an explicit tag is wrong.
    """
    # An untagged root comes from a composer that leaves untagged what is: then a tag is always the user's.
    decoder = _Decoder(guessed=bool(root is not None and root.tag))
    value = decoder.struct(root, struct) if root is not None else {}
    return ({} if value is MISSING else value), decoder.errors


class _Decoder:
    def __init__(self, *, guessed: bool) -> None:
        self.errors: list[tuple[int, str]] = []
        self._guessed = guessed
        self._within: set[int] = set()
        self._aliased = 0

    def value(self, node: Node, field: Field) -> Plain:
        kind = field.kind
        if isinstance(node, ScalarNode):
            if kind == "str" and not node.style and not node.tag:  # nearly all scalars are this
                return MISSING if node.value in NULLS else node.value
            return self._scalar(node, field)
        if isinstance(node, AliasNode):
            return self._alias(node, lambda target: self.value(target, field))
        if kind == "struct" and field.struct is not None:
            return self.struct(node, field.struct)
        if kind == "list" and isinstance(node, SequenceNode):
            return self._list(node, field)
        if kind == "map" and isinstance(node, MappingNode):
            return self._map(node, field)
        return self._mismatch(node, field.go)

    def struct(
        self, node: Node, struct: Struct, into: dict[str, Any] | None = None, taken: set[str] | None = None
    ) -> Plain:
        """Decode a mapping; `into` and `taken` (fields that are set already) belong to merge keys."""
        if isinstance(node, AliasNode):
            return self._alias(node, lambda target: self.struct(target, struct, into, taken))
        if not isinstance(node, MappingNode):
            if isinstance(node, ScalarNode) and self._resolve(node)[0] == "null":
                return MISSING
            return self._mismatch(node, struct.go)
        if self._duplicates(node):
            return MISSING
        result: dict[str, Any] = {} if into is None else into
        merge = None
        for key_node, value_node in node.value:
            if key_node.value == "<<" and _is_merge(key_node):
                merge = value_node
            else:
                self._entry(key_node, value_node, struct, result, taken)
        if merge is not None:
            self._merge(node, merge, struct, result, taken)
        return result

    def _entry(
        self, key_node: Node, value_node: Node, struct: Struct, result: dict[str, Any], taken: set[str] | None
    ) -> None:
        key = self._key(key_node)
        if taken is not None and key is not MISSING:
            if key in taken:
                return
            taken.add(key)
        field = struct.fields.get(key)
        if field is not None:
            found = self.value(value_node, field)
            if found is not MISSING:
                result[key] = found

    def _key(self, node: Node) -> Plain:
        if isinstance(node, ScalarNode) and not node.tag and (node.style or node.value not in NULLS):
            return node.value
        return self.value(node, _KEY)

    def _duplicates(self, node: MappingNode) -> bool:
        try:
            if len({key.value for key, _ in node.value}) == len(node.value):
                return False
        except TypeError:  # a collection as a key
            pass
        keys = [(type(key), key.value) for key, _ in node.value if not isinstance(key.value, list)]
        if len(set(keys)) == len(keys):
            return False
        nodes = [key for key, _ in node.value if isinstance(key, ScalarNode)]
        same: dict[str, list[Node]] = {}
        for key in nodes:
            same.setdefault(key.value, []).append(key)
        told: dict[str, int] = {}
        for first in nodes:
            after = told[first.value] = told.get(first.value, 0) + 1
            if after < min(len(same[first.value]), MAX_TOLD):
                text = f"mapping key {_quote(first.value)} already defined at line {_line(first)}"
                self.errors.extend((_line(other), text) for other in same[first.value][after : after + MAX_TOLD])
        return True

    def _merge(
        self, parent: MappingNode, merge: Node, struct: Struct, result: dict[str, Any], taken: set[str] | None
    ) -> None:
        if taken is None:
            taken = {key.value for key, _ in parent.value if isinstance(key, ScalarNode)}
        for node in merge.value if isinstance(merge, SequenceNode) else [merge]:
            target = node.value if isinstance(node, AliasNode) else node
            if not isinstance(target, MappingNode):
                raise DecodeError("map merge requires map or sequence of maps as the value")
            self.struct(node, struct, result, taken)

    def _list(self, node: SequenceNode, field: Field) -> list[Any]:
        found = [self.value(child, field.item or field) for child in node.value]
        return [value for value in found if value is not MISSING]

    def _map(self, node: MappingNode, field: Field) -> Plain:
        if self._duplicates(node):
            return MISSING
        result = {}
        for key_node, value_node in node.value:
            key, value = self._key(key_node), self.value(value_node, field.item or field)
            if key is not MISSING:
                result[key] = "" if value is MISSING else value
        return result

    def _alias(self, node: AliasNode, decode_target: Plain) -> Plain:
        if id(node) in self._within:
            raise DecodeError(f"anchor '{node.tag}' value contains itself")
        self._within.add(id(node))
        self._aliased += _size(node.value)
        if self._aliased > MAX_ALIASED:
            raise DecodeError("document contains excessive aliasing")
        try:
            return decode_target(node.value)
        finally:
            self._within.discard(id(node))

    def _scalar(self, node: ScalarNode, field: Field) -> Plain:
        tag, value = self._resolve(node)
        kind = field.kind
        if tag == "null":
            return MISSING
        if kind == "str":
            return value if tag == "binary" else node.value
        if kind == "bool":
            if tag == "bool":
                return value
            if isinstance(value, str) and (value in YES or value in NO):
                return value in YES
        if kind == "int" and tag in ("int", "float"):
            number = _go_int(value)
            if number is not None:
                return number
        return self._mismatch(node, field.go)

    def _mismatch(self, node: Node, go: str) -> Plain:
        text = ""
        if isinstance(node, ScalarNode):
            tag = _written_tag(node, self._explicit(node))
            raw = node.value.encode("utf-8", "surrogateescape")
            shown = node.value if len(raw) <= 10 else raw[:7].decode("utf-8", "replace") + "..."
            text = f" `{shown}`"
        else:
            tag = "!!seq" if isinstance(node, SequenceNode) else "!!map"
        self.errors.append((_line(node), f"cannot unmarshal {tag}{text} into {go}"))
        return MISSING

    def _resolve(self, node: ScalarNode) -> tuple[str, Any]:
        """Return (tag, value) of a scalar: null, bool, int, float, timestamp, str, binary or a foreign tag."""
        tag = self._explicit(node)
        if tag in ("", "!"):
            return ("str", node.value) if node.style else resolve(node.value)
        short = tag.removeprefix(TAG)
        if short == "binary":
            return "binary", _unbase64(node.value)
        if short == "str":
            return "str", node.value
        if short not in ("bool", "int", "float", "null", "timestamp"):
            return tag, node.value
        found, value = resolve(node.value, timestamps=short == "timestamp")
        if found == short:
            return found, value
        if short == "float" and found == "int":
            return "float", float(value)
        raise DecodeError(f"cannot decode !!{found} `{node.value}` as a !!{short}")

    def _explicit(self, node: ScalarNode) -> str:
        tag: str = node.tag or ""
        if not self._guessed or not tag.startswith(TAG):
            return tag
        # PyYAML's own resolver tags every scalar: a tag that it would have guessed is not the user's.
        if node.style:
            return "" if tag == TAG + "str" else tag
        return "" if tag == TAG + "merge" or _guess(node.value) == tag else tag


MAX_TOLD = 50
"""Of how many equal keys each other one is told."""
MAX_ALIASED = 400_000
"""Nodes that aliases may add to a config; yaml.v3 allows about as many."""


def _size(node: Node, limit: int = 1000) -> int:
    if isinstance(node, ScalarNode | AliasNode) or limit <= 0:
        return 1
    return 1 + min(len(node.value), limit)


def _guess(value: str) -> str:
    from yaml.resolver import Resolver

    for tag, pattern in Resolver.yaml_implicit_resolvers.get(value[:1], []):
        if pattern.match(value):
            return str(tag)
    return TAG + "str"


def _unbase64(text: str) -> str:
    try:
        data = base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("!!binary value contains invalid base64 data") from None
    return data.decode("utf-8", "surrogateescape")


def _written_tag(node: ScalarNode, tag: str) -> str:
    if tag not in ("", "!"):
        return f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag
    return "!!" + ("str" if node.style else resolve(node.value)[0])


def resolve(text: str, *, timestamps: bool = True) -> tuple[str, Any]:
    """Return the (tag, value) that yaml.v3 gives to a plain scalar."""
    if text in NULLS:
        return "null", None
    first = text[0]
    if first in "tTfF":
        if text in TRUE:
            return "bool", True
        if text in FALSE:
            return "bool", False
    elif first == ".":
        return _point(text)
    elif first in "+-0123456789":
        return _number(text, timestamps=timestamps)
    return "str", text


def _point(text: str) -> tuple[str, Any]:
    if text in _FLOATS:
        return "float", _FLOATS[text]
    return _float(text, text)


def _number(text: str, *, timestamps: bool) -> tuple[str, Any]:
    if text.isdigit() and text.isascii() and len(text) < 18:
        if text[0] != "0":
            return "int", int(text)
        if "8" not in text and "9" not in text:
            return "int", int(text, 8)
    if text in _FLOATS:
        return "float", _FLOATS[text]
    if timestamps and _is_date(text):
        return "timestamp", text
    plain = text.replace("_", "")
    match = _INT.match(plain)
    if match:
        base, digits = next((b, match[g]) for g, b in (("x", 16), ("b", 2), ("o", 8), ("d", 10)) if match[g])
        number = int(digits, base) if len(digits) < 80 else 1 << 80
        number = -number if match["sign"] == "-" else number
        if -(1 << 63) <= number < (1 << 63) or (not match["sign"] and number < (1 << 64)):
            return "int", number
    return _float(text, plain)


def _float(text: str, plain: str) -> tuple[str, Any]:
    if _FLOAT.match(plain):
        number = float(plain)
        if not math.isinf(number):
            return "float", number
    return "str", text


def _is_date(text: str) -> bool:
    match = _DATE.match(text)
    if match is None:
        return False
    year, month, day, *clock = (int(part) for part in match.groups() if part is not None)
    hour, minute, second = clock or (0, 0, 0)
    try:
        datetime.datetime(year or 4, month, day, hour, minute, second)  # only whether it exists
    except ValueError:
        return False
    return True


def _go_int(value: float) -> int | None:
    """Convert as Go does on 64 bits: fractions are cut, NaN and what is above int64 are refused."""
    if isinstance(value, int):
        return value if value < (1 << 63) else None
    if math.isnan(value) or value > float(1 << 63):
        return None
    if value < -float(1 << 63) or value == float(1 << 63):
        return -(1 << 63)
    return int(value)


def _is_merge(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.style and node.tag in ("", "!", TAG + "merge")


def _line(node: Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _quote(text: str) -> str:
    from provision.firstboot.ignition.golang import quote

    return quote(text)


def _key_field() -> Field:
    from provision.firstboot.fields import Field

    return Field("key", "str", "string")


_KEY = _key_field()
