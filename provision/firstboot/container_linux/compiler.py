"""Container Linux Config to Ignition 2.3, in the order of ct's own pipeline; each step that finds an error ends it.

decode → ct's rules → platform → translation → Ignition's rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Diagnostic, Report, Severity, Span
from provision.firstboot.butane import tree as yaml_tree
from provision.firstboot.container_linux import messages as m
from provision.firstboot.container_linux import model
from provision.firstboot.container_linux.dynamic import Dynamic
from provision.firstboot.container_linux.gotext import Version, VersionError, parse_version
from provision.firstboot.container_linux.rules import RULES
from provision.firstboot.container_linux.translate import Job, translate
from provision.firstboot.decode import DecodeError, decode
from provision.firstboot.ignition2.load import validate
from provision.firstboot.ignition2.messages import UNUSED_KEY
from provision.firstboot.ignition2.model import NEWEST, types
from provision.firstboot.ignition2.serialise import ordered
from provision.firstboot.ignition2.tree import build
from provision.firstboot.ignition2.walk import Finding, walk
from provision.firstboot.suggest import did_you_mean

if TYPE_CHECKING:
    from yaml import Node

    from provision.firstboot.container_linux.storage import Reader
    from provision.firstboot.fields import Struct

Value = dict[str, Any]


@dataclass(slots=True)
class Compiled:
    """What a compilation gives; `ignition` is None where there is an error.

    Args:
        ignition: the Ignition 2.3 config, its fields in Go's order.
        parsed: what was found in the config itself, before it was translated.
        converted: what was found while it was translated, and in the Ignition config.
    """

    ignition: Value | None
    parsed: Report
    converted: Report

    @property
    def report(self) -> Report:
        """All findings."""
        return Report([*self.parsed, *self.converted], self.parsed.sources)


def compile_ct(
    text: str, file: str, reader: Reader | None = None, dynamic: Dynamic | None = None, *, drop_in: bool = False
) -> Compiled:
    """Compile a Container Linux Config; bad input is reported, never raised.

    Args:
        text: the config.
        file: its name, for findings.
        reader: reads the local files that it may embed, or None.
        dynamic: where dynamic data such as ``{PRIVATE_IPV4}`` come from.
        drop_in: behave as ct 0.9.4 does: unknown keys are warnings.
    """
    return _Compiler(text, file, drop_in=drop_in).compile(reader, dynamic or Dynamic())


class _Compiler:
    def __init__(self, text: str, file: str, *, drop_in: bool) -> None:
        self._text = text
        self._file = file
        self._drop_in = drop_in
        self._parsed = Report(sources={file: text})
        self._converted = Report(sources={file: text})

    def compile(self, reader: Reader | None, dynamic: Dynamic) -> Compiled:
        try:
            root = yaml_tree.compose(self._text)
            value, struct = self._decode(root)
        except _Stop as stop:
            self._parsed.extend(map(self._diagnostic, stop.findings))
        except yaml_tree.YamlError as problem:
            finding = Finding(Severity.ERROR, m.YAML.format(problem=f"yaml: {problem}"))
            self._parsed.add(replace(self._diagnostic(finding), span=Span(self._file, problem.line, problem.column)))
        else:
            self._check(root, value, struct)
            # Keys that are not known are errors of ours only, and hide nothing.
            if all(finding.code == UNUSED_KEY.code for finding in self._parsed.errors):
                config = self._convert(root, value, reader, dynamic)
                return Compiled(config if self._parsed.ok else None, self._parsed, self._converted)
        return Compiled(None, self._parsed, self._converted)

    def _decode(self, root: Node | None) -> tuple[Value, Struct]:
        try:
            versions = self._versions(decode(root, model.header())[0])
            struct = model.types(*versions)
            value, errors = decode(root, struct)
        except DecodeError as problem:
            raise _Stop(Finding(Severity.ERROR, m.YAML.format(problem=f"yaml: {problem}"))) from None
        except VersionError as problem:
            raise _Stop(Finding(Severity.ERROR, m.SERVICE_VERSION.format(problem=problem))) from None
        if errors:
            raise _Stop(*self._type_errors(errors))
        return value, struct

    def _type_errors(self, errors: list[tuple[int, str]]) -> list[Finding]:
        if self._drop_in:
            listed = "".join(f"\n  line {line}: {problem}" for line, problem in errors)
            return [Finding(Severity.ERROR, m.TYPES.format(problem=f"yaml: unmarshal errors:{listed}"))]
        return [Finding(Severity.ERROR, m.TYPES.format(problem=text), (), (line, 1)) for line, text in errors]

    def _versions(self, value: Value) -> tuple[tuple[int, int], tuple[int, int]]:
        etcd, flannel = (self._version(value.get(name, {}), name) for name in model.SERVICES)
        return etcd[:2], flannel[:2]

    def _version(self, section: Value, service: str) -> Version:
        return parse_version(section["version"]) if "version" in section else model.default_version(service)

    def _check(self, root: Node | None, value: Value, struct: Struct) -> None:
        if root is None:
            self._parsed.add(self._diagnostic(Finding(Severity.WARNING, m.EMPTY)))
        tree = build(root) if root is not None else None
        for finding in walk(value, struct, RULES, tree, unused=root is not None):
            self._parsed.add(self._diagnostic(finding, struct))

    def _convert(self, root: Node | None, value: Value, reader: Reader | None, dynamic: Dynamic) -> Value | None:
        if not dynamic.supported:
            self._converted.add(self._diagnostic(Finding(Severity.ERROR, m.PLATFORM)))
            return None
        tree = build(root, _ignition_name) if root is not None else None
        job = Job(tree, reader, dynamic)
        config = translate(value, job)
        self._converted.extend(map(self._diagnostic, job.found))
        if self._converted.ok:
            self._converted.extend(map(self._diagnostic, validate(config, tree)))
        return ordered(config, types(NEWEST)) if self._converted.ok else None

    def _diagnostic(self, finding: Finding, struct: Struct | None = None) -> Diagnostic:
        line, column = finding.place
        span = Span(self._file, line, column) if line else None
        code, text, hint = finding.message
        severity = finding.severity
        if code == UNUSED_KEY.code and severity is Severity.WARNING and not self._drop_in:
            severity = Severity.ERROR
            hint = did_you_mean(str(finding.path[-1]), _fields(struct, finding.path[:-1])) or hint
        return Diagnostic(code, text, severity, finding.path, span, hint)


class _Stop(Exception):
    def __init__(self, *findings: Finding) -> None:
        super().__init__(findings[0].message.text)
        self.findings = findings


def _fields(struct: Struct | None, path: tuple[str | int, ...]) -> list[str]:
    """Return the names that the type at a path knows."""
    for step in path:
        field = struct.fields.get(step) if struct and isinstance(step, str) else None
        if field is not None:
            struct = field.struct or (field.item.struct if field.item else None)
    return list(struct.fields) if struct else []


def _ignition_name(name: str) -> str:
    """Return what a key is called in Ignition: ``wipe_table`` is ``wipeTable``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)
