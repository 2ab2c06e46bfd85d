"""A node config that is a coreos-cloudinit cloud-config: strictly checked, and with underscores where it had dashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from provision.diagnostics import Diagnostic, Path, Report, Severity, Span
from provision.firstboot.butane import tree as yaml_tree
from provision.firstboot.cloudconfig import content_checks
from provision.firstboot.cloudconfig import messages as m
from provision.firstboot.cloudconfig.kinds import Kind, kind_of
from provision.firstboot.cloudconfig.model import FLOAT, deprecated, types
from provision.firstboot.cloudconfig.scalars import scalar
from provision.firstboot.decode import AliasNode, DecodeError, decode
from provision.firstboot.suggest import did_you_mean
from provision.located import locate

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Struct
    from provision.firstboot.ignition.messages import Message

Value = dict[str, Any]


@dataclass(slots=True)
class Compiled:
    """What a compilation gives; `config` is None where there is an error."""

    config: Value | None
    report: Report


def compile_cloud_config(text: str, file: str) -> Compiled:
    """Check a cloud-config and return its values; bad input is reported, never raised.

    Keys with dashes are taken for those with underscores, with a warning: Flatcar's coreos-cloudinit has ignored them
    since 2024, and its validator does not say so.
    """
    return _Compiler(text, file).compile()


class _Compiler:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._root: Node | None = None
        self._report = Report(sources={file: text})

    def compile(self) -> Compiled:
        if kind_of(self._text) is not Kind.CLOUD_CONFIG:
            self._note(Severity.ERROR, m.HEADER, (), Span(self._file, 1, 1))
            return Compiled(None, self._report)
        value = self._read()
        if value is not None:
            for severity, path, message in content_checks.all_checks(value):
                self._note(severity, message, path)
        return Compiled(value if self._report.ok else None, self._report)

    def _read(self) -> Value | None:
        try:
            self._root = yaml_tree.compose(self._text)
            self._keys(self._root, types(), ())
            value, errors = decode(self._root, types())
            if self._root is not None and not errors:
                _keep_floats(self._root, types(), value)
        except yaml_tree.YamlError as problem:
            message = m.YAML.format(problem=problem)
            self._note(Severity.ERROR, message, (), Span(self._file, problem.line, problem.column))
            return None
        except DecodeError as problem:
            self._note(Severity.ERROR, m.YAML.format(problem=problem), ())
            return None
        for line, text in errors:
            self._note(Severity.ERROR, m.TYPES.format(problem=text), (), Span(self._file, line, 1))
        return None if errors else value

    def _keys(self, node: Node | None, struct: Struct, path: Path) -> None:
        """Report a mapping's keys, and rename those that have dashes."""
        if isinstance(node, AliasNode):
            return  # its anchor is looked at where it stands
        if not isinstance(node, MappingNode):
            if node is not None and not path:
                self._note(Severity.ERROR, m.NOT_A_MAPPING, ())
            return
        old = deprecated(struct)
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or (key.value == "<<" and not key.style):
                continue
            written = key.value
            key.value = self._renamed(key, struct)
            field = struct.fields.get(key.value)
            if field is None:
                self._unknown(key, struct, path)
                continue
            if key.value in old:
                message = m.OLD.format(key=written, text=old[key.value])
                self._note(Severity.WARNING, message, (*path, key.value), self._span(key))
            self._inner(value, field, (*path, key.value))

    def _inner(self, node: Node, field: Field, path: Path) -> None:
        if field.struct is not None:
            self._keys(node, field.struct, path)
        elif field.item is not None and field.item.struct is not None and isinstance(node, SequenceNode):
            for i, item in enumerate(node.value):
                self._keys(item, field.item.struct, (*path, i))

    def _renamed(self, key: ScalarNode, struct: Struct) -> str:
        written: str = key.value
        name = written.replace("-", "_")
        if name == written or name not in struct.fields:
            return written
        self._note(Severity.WARNING, m.DASHES.format(key=written, new=name), (), self._span(key))
        return name

    def _unknown(self, key: ScalarNode, struct: Struct, path: Path) -> None:
        message = m.UNKNOWN_KEY.format(key=key.value)
        if path == ("coreos",) and key.value.replace("-", "_") == "write_files":
            message = m.UNDER_COREOS
        hint = did_you_mean(key.value, struct.fields) or message.hint
        self._note(Severity.ERROR, message._replace(hint=hint), (*path, key.value), self._span(key))

    def _span(self, node: Node) -> Span:
        return Span(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _note(self, severity: Severity, message: Message, path: Path, span: Span | None = None) -> None:
        node = locate(self._root, path) if span is None else None
        place = self._span(node) if node is not None else span
        self._report.add(Diagnostic(message.code, message.text, severity, path, place, message.hint))


def _keep_floats(node: Node, struct: Struct, value: Value) -> None:
    """Put fractions back, which the decoder cuts as it does for whole numbers."""
    if not isinstance(node, MappingNode):
        return
    for key, inner in node.value:
        name = key.value if isinstance(key, ScalarNode) else ""
        field = struct.fields.get(name)
        if field is None or name not in value:
            continue
        if field.go == FLOAT and isinstance(inner, ScalarNode):
            value[name] = scalar(inner)
        elif field.struct is not None:
            _keep_floats(inner, field.struct, value[name])
