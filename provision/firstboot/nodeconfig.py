"""A machine's node config, compiled to Ignition; equal inputs are compiled once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report, Span
from provision.firstboot import ignition
from provision.firstboot.additions.model import HOME, PREFIX
from provision.firstboot.butane import compile_butane, compile_node
from provision.firstboot.files import Files
from provision.firstboot.interpolate import SECRET, interpolate
from provision.firstboot.recipe import MARK, markers

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.model import Json
    from provision.spec.model import Cluster, Machine, NodeConfig


def holds_marker(content: bytes) -> bool:
    """Whether a content has an open slot, and so must stay readable."""
    return MARK.encode() in content


class NodeConfigs:
    """Compiles node configs and reports what is wrong with them, once for each."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._compiled: dict[object, Json | None] = {}

    def of(self, machine: Machine, cluster: Cluster, newest: str) -> Json | None:
        """Return a machine's Ignition config, or None where it has errors.

        Args:
            machine: whose.
            cluster: its cluster.
            newest: the newest Ignition spec that the machine's system reads.
        """
        config = machine.config
        if config is None:
            return {"ignition": {"version": newest}}
        key = (machine.name if machine.template else None, config)
        if key not in self._compiled:
            self._compiled[key] = self._compile(config, machine, cluster, newest)
        return self._compiled[key]

    def _compile(self, config: NodeConfig, machine: Machine, cluster: Cluster, newest: str) -> Json | None:
        report = Report(sources={config.file: config.text})
        found = COMPILERS[config.format](config, machine, cluster, report)
        if found is not None:
            report.extend(_too_new(found, newest, machine, config))
            report.extend(_reserved(found, config))
            report.extend(_forged(found, machine, config))
        self._report.extend(_shifted(report, config, cluster))
        return found if report.ok else None


def _butane(config: NodeConfig, machine: Machine, cluster: Cluster, report: Report) -> Json | None:
    files = Files(config.directory)
    if machine.template:
        root = interpolate(config, machine, cluster, report)
        if not report.ok:
            return None
        compiled = compile_node(root, config.text, config.file, files, plain=holds_marker)
    else:
        compiled = compile_butane(config.text, config.file, files, plain=holds_marker)
    report.extend(compiled.report)
    return compiled.ignition


def _ignition(config: NodeConfig, machine: Machine, _cluster: Cluster, report: Report) -> Json | None:
    if machine.template:
        message = "Ignition JSON is not a template; its texts are data: URLs, in which nothing can be filled in"
        report.error("PV414", message, span=Span(config.file, 1, 1), hint="write the node config as Butane")
        return None
    found, findings = ignition.load(config.text, config.file)
    report.extend(findings)
    return found


def _unknown(config: NodeConfig, machine: Machine, _cluster: Cluster, report: Report) -> Json | None:
    message = f"{config.format} cannot be compiled for {machine.os} yet"
    report.error("PV415", message, span=Span(config.file, 1, 1), hint="write the node config as Butane or Ignition")
    return None


COMPILERS: dict[str, Callable[[NodeConfig, Machine, Cluster, Report], Json | None]] = {
    "butane": _butane,
    "ignition": _ignition,
    "container-linux": _unknown,
    "cloud-config": _unknown,
}


def _too_new(found: Json, newest: str, machine: Machine, config: NodeConfig) -> list[Diagnostic]:
    wanted = found["ignition"]["version"]
    if _number(wanted) <= _number(newest):
        return []
    message = f"the config needs Ignition {wanted}, and {machine.os} reads {newest} at most"
    hint = "write an older version of the config, or take a newer image"
    return [Diagnostic("PV408", message, span=Span(config.file, 1, 1), hint=hint)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split("-", maxsplit=1)[0].split(".")))


def _reserved(found: Json, config: NodeConfig) -> list[Diagnostic]:
    """Return a finding for each name of ours that the user's config takes."""
    names = [u["name"] for u in found.get("systemd", {}).get("units", ()) if u["name"].startswith(PREFIX)]
    for section in ("files", "directories", "links"):
        paths = [entry["path"] for entry in found.get("storage", {}).get(section, ())]
        names += [p for p in paths if p == HOME or p.startswith(f"{HOME}/")]
    hint = f"units named {PREFIX}* and files in {HOME} belong to provision; take another name"
    return [
        Diagnostic("PV409", f"{name} is reserved", span=_where(config, name), hint=hint)
        for name in dict.fromkeys(names)
    ]


def _forged(found: Json, machine: Machine, config: NodeConfig) -> list[Diagnostic]:
    """A marker that the user wrote would be filled with what belongs to another place."""
    forged = {n for n in markers(found) if not (machine.template and n.startswith(SECRET))}
    message = f"the config holds the text {MARK!r}, which marks provision's own slots"
    return [Diagnostic("PV404", message, span=_where(config, MARK))] if forged else []


def _where(config: NodeConfig, name: str) -> Span:
    """Return the first place where the config's text names it."""
    for number, line in enumerate(config.text.splitlines(), 1):
        if name in line:
            return Span(config.file, number, line.index(name) + 1)
    return Span(config.file, 1, 1)


def _shifted(report: Report, config: NodeConfig, cluster: Cluster) -> Report:
    """Return findings of an inline config with their places in the spec, all others as they are."""
    if config.file != cluster.file:
        return report
    findings = [replace(f, span=_moved(f.span, config)) for f in report.findings]
    return Report(findings, dict(cluster.sources))


def _moved(span: Span | None, config: NodeConfig) -> Span | None:
    return span and Span(span.file, span.line + config.line - 1, span.column + config.column - 1)
