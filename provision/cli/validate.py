"""`provision validate`: check specs and all that they name, without asking any platform."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console
from provision.diagnostics import Diagnostic, Report
from provision.errors import SpecError
from provision.spec import load
from provision.spec.files import FileError, decode

if TYPE_CHECKING:
    from provision.model import Json
    from provision.spec.model import Cluster


def validate(
    specs: Annotated[list[str], typer.Argument(help="Cluster specs; - reads one from stdin.", metavar="SPEC...")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
) -> None:
    """Check specs, their node configs and their locks, and report everything that is wrong.

    Asks no platform, reads no secret, changes nothing. Ends with 3 when something is wrong.

    \b
    Example:
      provision validate --strict cluster.yaml
    """
    results = {spec: _check(spec) for spec in specs}
    whole = Report()
    for loaded in results.values():
        whole.extend(loaded.report)
    if as_json:
        console.emit([_json(spec, loaded, strict) for spec, loaded in results.items()])
    else:
        console.show(whole)
        for spec, loaded in results.items():
            console.out(f"{spec}: {_summary(loaded)}")
    if not all(_passes(loaded, strict) for loaded in results.values()):
        raise SpecError(Report(), f"{whole.summary()} in {len(specs)} spec{'s' * (len(specs) > 1)}")


def _check(spec: str) -> load.Loaded:
    loaded = _stdin() if spec == "-" else load.check(spec)
    if loaded.cluster:
        loaded.report.extend(_compile(loaded.cluster))
    return loaded


def _stdin() -> load.Loaded:
    try:
        return load.check_text(decode(sys.stdin.buffer.read()), file="<stdin>")
    except FileError as error:
        return load.Loaded(None, Report([Diagnostic("PV003", f"stdin cannot be read: {error}")]))


def _compile(cluster: Cluster) -> Report:
    """Compile every machine's first-boot config and return what the compilers found."""
    try:
        compiler = importlib.import_module("provision.firstboot.compile")
    except ModuleNotFoundError:
        return Report()
    report: Report = compiler.compile_cluster(cluster).report
    return report


def _passes(loaded: load.Loaded, strict: bool) -> bool:
    return not loaded.report.findings if strict else loaded.report.ok


def _summary(loaded: load.Loaded) -> str:
    cluster = loaded.cluster
    if cluster is None:
        return loaded.report.summary()
    machines, pools = len(cluster.machines), len(cluster.pools())
    size = f"{machines} machine{'s' * (machines != 1)} in {pools} pool{'s' * (pools != 1)}"
    return f"cluster {cluster.name}, {size}: {loaded.report.summary()}"


def _json(spec: str, loaded: load.Loaded, strict: bool) -> Json:
    cluster = loaded.cluster
    return {
        "file": spec,
        "ok": _passes(loaded, strict),
        "cluster": cluster.name if cluster else None,
        "machines": [machine.name for machine in cluster.machines] if cluster else [],
        "findings": loaded.report.to_json(),
    }
