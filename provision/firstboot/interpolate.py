"""Filling ``{{ }}`` into a node config's scalars, after it was parsed, so that no value can break out of its place.

The syntax is Jinja2's, and of it only what names a value: ``{{ machine.name }}``, ``{{ vars.role }}``,
``{{ secret("registry") }}``, and texts in quotes. Nothing is ever rendered: the expressions' syntax trees are read, and
all else in them (loops, filters, attributes of Python objects, calls) is refused, so there is nothing to escape from.
A secret becomes a slot: its value is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from jinja2 import Environment, TemplateSyntaxError, nodes
from yaml import MappingNode, ScalarNode, SequenceNode

from provision.firstboot.decode import AliasNode
from provision.firstboot.markers import ADDRESS, DATA, INDEX, NAME, RESERVED, escaped
from provision.firstboot.slots import Kind, Slot
from provision.firstboot.suggest import did_you_mean
from provision.firstboot.template_places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yaml import Node

    from provision.diagnostics import Report
    from provision.spec.model import Cluster, Machine, NodeConfig

# No comments: {# is part of shell's ${#name}. (noqa: it is parsed, never rendered.)
ENVIRONMENT = Environment(keep_trailing_newline=True, comment_start_string="\0#", comment_end_string="#\0")  # noqa: S701
SECRET = "secret."  # noqa: S105 - how names begin
"""How the names of secrets' slots begin."""

ALLOWED = (
    "write {{ machine.name }}, {{ vars.NAME }} or {{ secret('NAME') }}; {{ '{{' }} stands for the braces themselves"
)
BEGINS = re.compile(r"\{\{|\{%")
Scalar = str | int | float | bool
Values = dict[str, "Mapping[str, Scalar]"]


class _Wrong(Exception):
    """An expression cannot be filled in; `word` is the part of it that is wrong."""

    def __init__(self, code: str, message: str, hint: str | None = None, word: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.word = code, message, hint, word


def secret_slots(cluster: Cluster) -> Iterator[Slot]:
    """Yield the slots of all secrets of a spec."""
    for name, secret in cluster.secrets.items():
        yield Slot(f"{SECRET}{name.lower()}", Kind.SECRET, secret.max_size)


def interpolate(root: Node | None, config: NodeConfig, values: Values, cluster: Cluster, report: Report) -> Node | None:
    """Return a node config's tree with every ``{{ }}`` of its scalars filled in.

    Findings stand at the expression: PV402 a secret within base64, PV410 syntax, PV411 not allowed, PV412 unknown name,
    PV413 unknown secret, PV416 braces without quotes, PV421 a value that looks like a slot.
    """
    filler = _Filler(values, cluster, Places(config.text, config.file), report, {})
    return filler.node(root) if root is not None else None


def scalars(
    root: Node | None, config: NodeConfig, values: Values, cluster: Cluster, report: Report
) -> Iterator[tuple[ScalarNode, list[Scalar]]]:
    """Yield every scalar with braces, and the pieces that it is made of once they are filled in.

    Values in ``data:`` URLs that are not base64 are read and filled as the text that they stand for. Findings as those
    of `interpolate`.
    """
    filler = _Filler(values, cluster, Places(config.text, config.file), report, {})
    seen: set[int] = set()
    for node in _nodes(root, seen):
        if isinstance(node, MappingNode):
            filler.bare(node)
        elif isinstance(node, ScalarNode) and BEGINS.search(text := _plain(node.value)):
            marks = (node.start_mark, node.end_mark)
            pieces = filler.pieces(ScalarNode(node.tag, text, *marks, style=node.style))
            yield node, pieces if text is node.value else [_as_url(node.value, pieces)]


def _nodes(node: Node | None, seen: set[int]) -> Iterator[Node]:
    if isinstance(node, AliasNode):
        node = node.value
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _nodes(key, seen) if isinstance(key, MappingNode) else ()
            yield from _nodes(value, seen)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _nodes(item, seen)


def _plain(text: str) -> str:
    """Return what a ``data:`` URL stands for, all other texts as they are."""
    head, comma, data = text.partition(",")
    if not (comma and head.startswith(DATA)) or head.endswith(";base64"):
        return text
    try:
        return unquote_to_bytes(data).decode()
    except UnicodeDecodeError:
        return text


def _as_url(text: str, pieces: list[Scalar]) -> str:
    return f"{text.partition(',')[0]},{escaped(''.join(map(_text, pieces)))}"


def values_of(machine: Machine, cluster: Cluster) -> Values:
    """Return what a machine's template may name."""
    own: dict[str, Scalar] = {"name": machine.name, "index": machine.index, "address": machine.address}
    return _values(own, machine, cluster)


def values_of_any(machine: Machine, cluster: Cluster) -> Values:
    """Return the same with markers for what tells apart machines of one pool with the same variables."""
    return _values({"name": NAME, "index": INDEX, "address": ADDRESS}, machine, cluster)


def _values(own: dict[str, Scalar], machine: Machine, cluster: Cluster) -> Values:
    return {
        "machine": own,
        "cluster": {"name": cluster.name},
        "pool": {"name": machine.pool},
        "vars": machine.variables,
    }


@dataclass(frozen=True, slots=True)
class _Filler:
    values: Values
    cluster: Cluster
    places: Places
    report: Report
    done: dict[int, Node]

    def node(self, node: Node) -> Node:
        """Return a node with its scalars filled; what an alias shares stays shared."""
        if id(node) not in self.done:
            self.done[id(node)] = self._fill(node)
        return self.done[id(node)]

    def _fill(self, node: Node) -> Node:
        marks = (node.start_mark, node.end_mark)
        if isinstance(node, MappingNode):
            if self.bare(node):
                return node
            pairs = [(k, self.node(v)) for k, v in node.value]
            return MappingNode(node.tag, pairs, *marks, flow_style=node.flow_style)
        if isinstance(node, SequenceNode):
            return SequenceNode(node.tag, [self.node(n) for n in node.value], *marks, flow_style=node.flow_style)
        if isinstance(node, AliasNode):
            return AliasNode(node.tag, self.node(node.value), *marks)
        if isinstance(node, ScalarNode) and "{" in node.value:
            return self._scalar(node)
        return node

    def bare(self, node: MappingNode) -> bool:
        """Report braces without quotes."""
        if not (node.flow_style and len(node.value) == 1 and isinstance(node.value[0][0], MappingNode)):
            return False
        hint = "put the value in quotes: YAML takes bare braces for a mapping"
        self.report.error("PV416", "{{ }} stands without quotes", span=self.places.start(node), hint=hint)
        return True

    def _scalar(self, node: ScalarNode) -> Node:
        pieces = self.pieces(node)
        marks = (node.start_mark, node.end_mark)
        if len(pieces) == 1 and not isinstance(pieces[0], str):
            # One value alone keeps its type: a size or a mode may come from a variable.
            return ScalarNode("", _text(pieces[0]), *marks, style=None)
        return ScalarNode(node.tag, "".join(map(_text, pieces)), *marks, style=node.style or '"')

    def pieces(self, node: ScalarNode) -> list[Scalar]:
        """Return the texts and values that a scalar is made of; what cannot be read is reported."""
        pieces: list[Scalar] = []
        try:
            parts = _parts(node.value)
        except _Wrong as wrong:
            self._report(wrong, node, None)
            return [node.value]
        number = 0
        for part in parts:
            if isinstance(part, nodes.TemplateData):
                pieces.append(part.data)
                continue
            try:
                pieces.append(self._piece(part, node.value))
            except _Wrong as wrong:
                self._report(wrong, node, number)
            number += 1
        return pieces

    def _report(self, wrong: _Wrong, node: ScalarNode, number: int | None) -> None:
        self.report.error(wrong.code, wrong.message, span=self.places.of(node, number, wrong.word), hint=wrong.hint)

    def _piece(self, node: nodes.Expr, text: str) -> Scalar:
        match node:
            case nodes.Const(value=str(quoted)):
                return quoted
            case nodes.Getattr(node=nodes.Name(name=group), attr=name):
                return self._value(group, name)
            case nodes.Call(
                node=nodes.Name(name="secret"), args=[nodes.Const(value=str(name))], kwargs=[], dyn_args=None
            ) if node.dyn_kwargs is None:
                return self._secret(name, text)
            case nodes.Name(name=name) if name not in self.values:
                raise _unknown(f"there is no {name!r}", name, list(self.values))
        raise _Wrong("PV411", "only a named value can be filled in here", ALLOWED)

    def _value(self, group: str, name: str) -> Scalar:
        if group not in self.values:
            raise _unknown(f"there is no {group!r}", group, list(self.values))
        if name not in self.values[group]:
            raise _unknown(f"{group} has no {name!r}", name, list(self.values[group]))
        value = self.values[group][name]
        if group == "vars" and isinstance(value, str) and RESERVED in value:
            raise _Wrong("PV421", f"the value of {group}.{name} holds {RESERVED!r}, which marks provision's own slots")
        return value

    def _secret(self, name: str, text: str) -> str:
        if text.startswith(DATA) and ";base64" in text.partition(",")[0]:
            message = "a secret cannot be put into base64: it would have to be encoded with what is around it"
            raise _Wrong("PV402", message, "write the contents as `inline:`")
        if name not in self.cluster.secrets:
            wrong = _unknown(f"the spec has no secret {name!r}", name, list(self.cluster.secrets))
            raise _Wrong("PV413", wrong.message, wrong.hint, name)
        return Slot(f"{SECRET}{name.lower()}", Kind.SECRET, 0).marker


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _parts(text: str) -> tuple[nodes.Expr, ...]:
    """Return a scalar's pieces, texts and expressions; the machines of a pool share them."""
    try:
        if any(kind == "block_begin" for _, kind, _ in ENVIRONMENT.lex(text)):
            raise _Wrong("PV411", "statements ({% %}) are not allowed in a node config", ALLOWED)
        body = ENVIRONMENT.parse(text).body
    except TemplateSyntaxError as error:
        raise _Wrong("PV410", f"not a template: {error.message}", ALLOWED) from None
    return tuple(expression for part in body if isinstance(part, nodes.Output) for expression in part.nodes)


def _unknown(message: str, name: str, known: list[str]) -> _Wrong:
    hint = did_you_mean(name, known) or f"known: {', '.join(known) or 'none'}"
    return _Wrong("PV412", message, hint, name)
