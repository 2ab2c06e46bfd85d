"""Filling ``{{ }}`` into a node config's scalars, after it was parsed, so that no value can break out of its place.

The syntax is Jinja2's, and of it only what names a value: ``{{ machine.name }}``, ``{{ vars.role }}``,
``{{ secret("registry") }}``. Loops, filters, attributes of Python objects and calls are refused by their node in the
syntax tree; there is nothing to escape from. A secret becomes a slot: its value is not known here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, TemplateSyntaxError, nodes
from yaml import MappingNode, ScalarNode, SequenceNode

from provision.firstboot.recipe import Kind, Slot
from provision.located import compose, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yaml import Node

    from provision.diagnostics import Report, Span
    from provision.spec.model import Cluster, Machine, NodeConfig

ENVIRONMENT = Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - parsed, never rendered
SECRET = "secret."  # noqa: S105 - how names begin
"""How the names of secrets' slots begin."""

Values = dict[str, "Mapping[str, object]"]


class _Wrong(Exception):
    """An expression cannot be filled in."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def secret_slot(name: str, max_size: int) -> Slot:
    """Return the slot of one of the spec's secrets."""
    return Slot(f"{SECRET}{name.lower()}", Kind.SECRET, max_size)


def interpolate(config: NodeConfig, machine: Machine, cluster: Cluster, report: Report) -> Node | None:
    """Parse a node config and return its tree with every ``{{ }}`` of its scalars filled in.

    Findings (PV410 syntax, PV411 not allowed, PV412 unknown name, PV413 unknown secret) stand at their scalar.

    Raises:
        SpecError: the config is not YAML.
    """
    root = compose(config.text, config.file)
    filler = _Filler(_values(machine, cluster), cluster, config.file, report, {})
    return filler.node(root) if root is not None else None


def _values(machine: Machine, cluster: Cluster) -> Values:
    return {
        "machine": {"name": machine.name, "index": machine.index, "address": machine.address},
        "cluster": {"name": cluster.name},
        "pool": {"name": machine.pool},
        "vars": machine.variables,
    }


@dataclass(frozen=True, slots=True)
class _Filler:
    values: Values
    cluster: Cluster
    file: str
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
            pairs = [(self.node(k), self.node(v)) for k, v in node.value]
            return MappingNode(node.tag, pairs, *marks, flow_style=node.flow_style)
        if isinstance(node, SequenceNode):
            return SequenceNode(node.tag, [self.node(n) for n in node.value], *marks, flow_style=node.flow_style)
        if isinstance(node, ScalarNode) and "{" in node.value:
            return ScalarNode(node.tag, self._text(node.value, span(node, self.file)), *marks, style=node.style)
        return node

    def _text(self, text: str, place: Span) -> str:
        try:
            return "".join(self._piece(n) for output in _outputs(text) for n in output.nodes)
        except _Wrong as wrong:
            self.report.error(wrong.code, wrong.message, span=place, hint=wrong.hint)
            return text

    def _piece(self, node: nodes.Expr) -> str:
        match node:
            case nodes.TemplateData(data=data):
                return data
            case nodes.Getattr(node=nodes.Name(name=group), attr=name):
                return self._value(group, name)
            case nodes.Call(node=nodes.Name(name="secret"), args=[nodes.Const(value=str(name))], kwargs=[]):
                return self._secret(name)
        raise _Wrong(
            "PV411",
            "only a named value can be filled in here",
            "write {{ machine.name }}, {{ vars.NAME }} or {{ secret('NAME') }}; {% raw %} keeps other braces",
        )

    def _value(self, group: str, name: str) -> str:
        if group not in self.values:
            raise _unknown(f"there is no {group!r}", group, list(self.values))
        if name not in self.values[group]:
            raise _unknown(f"{group} has no {name!r}", name, list(self.values[group]))
        return str(self.values[group][name])

    def _secret(self, name: str) -> str:
        if name not in self.cluster.secrets:
            wrong = _unknown(f"the spec has no secret {name!r}", name, list(self.cluster.secrets))
            raise _Wrong("PV413", wrong.message, wrong.hint)
        return secret_slot(name, self.cluster.secrets[name].max_size).marker


def _outputs(text: str) -> list[nodes.Output]:
    try:
        body = ENVIRONMENT.parse(text).body
    except TemplateSyntaxError as error:
        raise _Wrong("PV410", f"not a template: {error.message}") from None
    for part in body:
        if not isinstance(part, nodes.Output):
            raise _Wrong("PV411", "statements ({% %}) are not allowed in a node config", "fill in values only")
    return [part for part in body if isinstance(part, nodes.Output)]


def _unknown(message: str, name: str, known: list[str]) -> _Wrong:
    close = difflib.get_close_matches(name, known, n=1)
    return _Wrong("PV412", message, f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}")
