"""A machine's node config, compiled to Ignition; equal inputs are compiled once."""

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
from provision.firstboot.files import Files
from provision.firstboot.formats import CLOUD_CONFIG, CLOUD_INIT, USER_PART, format_of
from provision.firstboot.interpolate import interpolate
from provision.firstboot.markers import RESERVED
from provision.firstboot.ownership import faults
from provision.located import compose, locate, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.model import Json
    from provision.spec.model import Cluster, Machine, NodeConfig


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

    def of(self, machine: Machine) -> Json | None:
        """Return a machine's Ignition config, or None where it has errors."""
        key = (machine.name if machine.template else None, machine.config, machine.os, machine.provider)
        if key not in self._compiled:
            self._compiled[key] = self._compile(machine)
        return self._compiled[key]

    def _compile(self, machine: Machine) -> Json | None:
        config = machine.config
        if config is None:
            return self._none(machine)
        report = Report(sources={config.file: config.text})
        found = COMPILERS[config.format](config, machine, self._cluster, report)
        if found is not None:
            report.extend(_too_new(found, machine))
            report.extend(faults(legacy.as_ignition(found.config, config), found.place, interpolated=machine.template))
        self._report.extend(_shifted(report, config, self._cluster))
        return found.config if found is not None and report.ok else None

    def _none(self, machine: Machine) -> Json | None:
        if machine.os in legacy.READS_CLOUD_INIT:
            return {USER_PART: ""}
        return {"ignition": {"version": system(machine.os, self._version).spec}}


def _butane(config: NodeConfig, machine: Machine, cluster: Cluster, report: Report) -> Found | None:
    try:
        root = butane_tree.compose(config.text)
    except butane_tree.YamlError as error:
        report.extend(failed_yaml(error, config.text, config.file).report)
        return None
    if machine.template:
        root = interpolate(root, config, machine, cluster, report)
    if not report.ok:
        return None
    compiled = compile_node(root, config.text, config.file, Files(config.directory), raw=True, plain=holds_marker)
    report.extend(compiled.report)
    if compiled.ignition is None:
        return None
    return Found(compiled.ignition, lambda path: compiled.origin(path)[1])


def _ignition(config: NodeConfig, machine: Machine, _cluster: Cluster, report: Report) -> Found | None:
    if machine.template:
        message = "Ignition JSON is not a template; its texts are data: URLs, in which nothing can be filled in"
        report.error("PV414", message, span=Span(config.file, 1, 1), hint="write the node config as Butane")
        return None
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
    "butane": _butane,
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
