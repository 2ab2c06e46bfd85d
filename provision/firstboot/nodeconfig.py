"""A machine's node config, compiled to Ignition; equal inputs are compiled once, templates once for a pool."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from provision.diagnostics import Diagnostic, Path, Report, Span
from provision.errors import SpecError
from provision.firstboot import ignition, legacy
from provision.firstboot.additions.system import newest_ignition, system
from provision.firstboot.butane import compile_node
from provision.firstboot.butane import tree as butane_tree
from provision.firstboot.butane.compiler import failed_yaml
from provision.firstboot.canonical import canonical
from provision.firstboot.files import Files
from provision.firstboot.formats import CLOUD_CONFIG, CLOUD_INIT, format_of
from provision.firstboot.interpolate import interpolate, values_of, values_of_any
from provision.firstboot.markers import FACT, RESERVED, USER_PART, fill_facts, places
from provision.firstboot.ownership import faults
from provision.firstboot.template_text import filled
from provision.located import compose, locate, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.interpolate import Values
    from provision.model import Json
    from provision.spec.model import Cluster, Machine, NodeConfig


CONTENTS = frozenset(("source", "contents", "content"))
"""The fields of configs that hold contents of files and units."""

READABLE = 4096
"""Characters of a content that may stay readable for the sake of a marker in it; longer ones are better packed."""


class Found(NamedTuple):
    """A compiled node config, and where a path of it comes from in the user's text."""

    config: Json
    place: Callable[[Path], Span | None]


def holds_marker(content: bytes) -> bool:
    """Whether a content has an open slot, and so must stay readable."""
    return RESERVED.encode() in content


class NodeConfigs:
    """Compiles node configs and reports what is wrong with them, once for each."""

    def __init__(self, cluster: Cluster, version: int, report: Report) -> None:
        self._cluster = cluster
        self._version = version
        self._report = report
        self._compiled: dict[object, Json | None] = {}
        self._shared: dict[object, bool] = {}

    def of(self, machine: Machine) -> Json | None:
        """Return a machine's config, or None where it has errors; what machines share holds markers for their facts."""
        key = self.key(machine)
        if key not in self._compiled:
            self._compiled[key] = self._compile(machine)
        return self._compiled[key]

    def key(self, machine: Machine) -> object:
        """Return what is equal for machines whose configs are the same but for the machines' facts."""
        if not machine.template:
            return (machine.config, machine.os, machine.provider)
        variables = tuple((name, type(value), value) for name, value in machine.variables.items())
        group = (machine.config, machine.os, machine.provider, machine.pool, variables)
        if group not in self._shared:
            self._shared[group] = self._share(group, machine)
        return group if self._shared[group] else (machine.name, machine.config)

    def _share(self, group: object, machine: Machine) -> bool:
        """Compile a template with markers for a machine's facts, where that gives what compiling it alone gives."""
        config = machine.config
        if config is None or RESERVED in config.text:
            return False
        report = Report()
        found = self._found(config, machine, values_of_any(machine, self._cluster), report, facts=True)
        if found is None or not report.ok or not all(_apart(*place) for place in places(found.config, FACT)):
            return False
        alone = self.alone(machine)
        if alone is None or canonical(alone) != canonical(fill_facts(found.config, facts_of(machine))):
            return False
        self._compiled[group] = found.config
        return True

    def alone(self, machine: Machine) -> Json | None:
        """Return a machine's config without markers for its facts; its findings are reported once."""
        key = (machine.name, machine.config)
        if key not in self._compiled:
            self._compiled[key] = self._compile(machine)
        return self._compiled[key]

    def _compile(self, machine: Machine) -> Json | None:
        config = machine.config
        if config is None:
            return self._none(machine)
        report = Report(sources={config.file: config.text})
        found = self._found(config, machine, values_of(machine, self._cluster), report)
        self._report.extend(_shifted(report, config, self._cluster))
        return found.config if found is not None and report.ok else None

    def _found(
        self, config: NodeConfig, machine: Machine, values: Values, report: Report, *, facts: bool = False
    ) -> Found | None:
        if machine.template and config.format == "butane":
            found = _butane(config, self._cluster, report, values)
        else:
            whole = filled(config, values, self._cluster, report) if machine.template else config
            found = COMPILERS[config.format](whole, machine, self._cluster, report) if whole is not None else None
        if found is not None:
            report.extend(_too_new(found, machine))
            listed = legacy.as_ignition(found.config, config)
            report.extend(faults(listed, found.place, interpolated=machine.template, facts=facts))
        return found

    def _none(self, machine: Machine) -> Json | None:
        if machine.os in legacy.READS_CLOUD_INIT:
            return {USER_PART: ""}
        return {"ignition": {"version": system(machine.os, self._version).spec}}


def facts_of(machine: Machine) -> dict[str, str]:
    """Return what tells a machine apart from others of its pool, by the names of the markers."""
    return {"name": machine.name, "address": machine.address, "index": str(machine.index)}


def _apart(path: Path, text: str) -> bool:
    """Whether a marker stands in a content, which nothing else depends on, and is short enough to stay readable."""
    return path[-1] in CONTENTS and len(text) <= READABLE


def _plain_butane(config: NodeConfig, _machine: Machine, cluster: Cluster, report: Report) -> Found | None:
    return _butane(config, cluster, report, None)


def _butane(config: NodeConfig, cluster: Cluster, report: Report, values: Values | None) -> Found | None:
    try:
        root = butane_tree.compose(config.text)
    except butane_tree.YamlError as error:
        report.extend(failed_yaml(error, config.text, config.file).report)
        return None
    if values is not None:
        root = interpolate(root, config, values, cluster, report)
    if not report.ok:
        return None
    compiled = compile_node(root, config.text, config.file, Files(config.directory), raw=True, plain=holds_marker)
    report.extend(compiled.report)
    if compiled.ignition is None:
        return None
    return Found(compiled.ignition, lambda path: compiled.origin(path)[1])


def _ignition(config: NodeConfig, machine: Machine, _cluster: Cluster, report: Report) -> Found | None:
    if legacy.is_ignition_2(config):
        old = legacy.ignition_2(config, machine, report)
        return None if old is None else Found(old, lambda path: _json_place(config, path))
    found, findings = ignition.load(config.text, config.file)
    report.extend(findings)
    return None if found is None else Found(found, lambda path: _json_place(config, path))


def _json_place(config: NodeConfig, path: Path) -> Span | None:
    try:
        # JSON is YAML, but for its tabs.
        node = locate(compose(config.text.replace("\t", " "), config.file), path)
    except SpecError:
        return None
    return span(node, config.file) if node is not None else None


def _container_linux(config: NodeConfig, machine: Machine, _cluster: Cluster, report: Report) -> Found | None:
    found = legacy.container_linux(config, machine, report)
    return None if found is None else Found(found, lambda path: legacy.mentioned(config, found, path))


def _cloud_config(config: NodeConfig, machine: Machine, _cluster: Cluster, report: Report) -> Found | None:
    found = legacy.cloud_config(config, machine, report)
    if found is None:
        return None
    listed = legacy.as_ignition(found, config)
    return Found(found, lambda path: legacy.mentioned(config, listed, path))


COMPILERS: dict[str, Callable[[NodeConfig, Machine, Cluster, Report], Found | None]] = {
    "butane": _plain_butane,
    "ignition": _ignition,
    "container-linux": _container_linux,
    "cloud-config": _cloud_config,
}


def _too_new(found: Found, machine: Machine) -> list[Diagnostic]:
    wanted, newest = format_of(found.config), newest_ignition(machine.os)
    if wanted in (CLOUD_CONFIG, CLOUD_INIT):
        return []
    if number(wanted) <= number(newest) and "experimental" not in wanted:
        return []
    message = f"the config needs Ignition {wanted}, and {machine.os} reads {newest} at most"
    hint = "write an older version of the config, or take a newer image"
    return [Diagnostic("PV408", message, span=found.place(("ignition", "version")), hint=hint)]


def number(version: str) -> tuple[int, ...]:
    """Return an Ignition spec's version for comparing: ``3.4.0`` as (3, 4, 0)."""
    return tuple(map(int, version.partition("-")[0].split(".")))


def _shifted(report: Report, config: NodeConfig, cluster: Cluster) -> Report:
    """Return findings of an inline config with their places in the spec, all others as they are."""
    if config.file != cluster.file:
        return report
    findings = [replace(f, span=_moved(f.span, config)) for f in report.findings]
    return Report(findings, {**report.sources, **cluster.sources})


def _moved(span: Span | None, config: NodeConfig) -> Span | None:
    if span is None or span.file != config.file:  # a child of a merge has a file and places of its own
        return span
    return Span(span.file, span.line + config.line - 1, span.column + config.column - 1)
