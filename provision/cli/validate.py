"""`provision validate`: check specs and all that they name, without asking any platform."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console
from provision.diagnostics import Diagnostic, Report
from provision.errors import SpecError
from provision.spec import load
from provision.spec.files import FileError, decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.firstboot.payload import Fill
    from provision.model import Json
    from provision.spec.model import Cluster


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one spec: the cluster if it could be read, every finding, how full the channels are."""

    cluster: Cluster | None
    report: Report
    fills: Mapping[str, Fill] = field(default_factory=dict)

    def passes(self, strict: bool) -> bool:
        """Whether nothing is wrong; strictly, whether there is nothing to say."""
        return not self.report.findings if strict else self.report.ok


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
    for checked in results.values():
        whole.extend(checked.report)
    if as_json:
        console.emit([_json(spec, checked, strict) for spec, checked in results.items()])
    else:
        console.show(whole)
        console.out("\n".join(line for spec, checked in results.items() for line in _lines(spec, checked)))
    if not all(checked.passes(strict) for checked in results.values()):
        raise SpecError(Report(), f"{whole.summary()} in {len(specs)} spec{'s' * (len(specs) > 1)}")


def _check(spec: str) -> Checked:
    loaded = _stdin() if spec == "-" else load.check(spec)
    if loaded.cluster is None:
        return Checked(None, loaded.report)
    from provision.apply.compiling import compiled as compile_

    compiled = compile_(loaded.cluster, spec)
    loaded.report.extend(compiled.report)
    return Checked(loaded.cluster, loaded.report, compiled.fills)


def _stdin() -> load.Loaded:
    try:
        return load.check_text(decode(sys.stdin.buffer.read()), file="<stdin>")
    except FileError as error:
        return load.Loaded(None, Report([Diagnostic("PV003", f"stdin cannot be read: {error}")]))


def _lines(spec: str, checked: Checked) -> list[str]:
    cluster = checked.cluster
    if cluster is None:
        return [f"{spec}: {checked.report.summary()}"]
    machines, pools = len(cluster.machines), len(cluster.pools())
    size = f"{machines} machine{'s' * (machines != 1)} in {pools} pool{'s' * (pools != 1)}"
    fullest = [_fullest(cluster, pool, checked.fills) for pool in cluster.pools()]
    return [f"{spec}: cluster {cluster.name}, {size}: {checked.report.summary()}", *filter(None, fullest)]


def _fullest(cluster: Cluster, pool: str, fills: Mapping[str, Fill]) -> str:
    """Say how full a pool's channel is: the platform hands machines no more than its limit."""
    from provision.firstboot.payload import Form

    found = [fills[machine.name] for machine in cluster.machines if machine.pool == pool and machine.name in fills]
    if not found:
        return ""
    most = max(found, key=lambda fill: fill.size)
    part = f"{most.size / most.limit:.0%} of {most.limit:,}" if most.limit else "no limit"
    if most.form is Form.EXTERNAL and cluster.payloads:
        where = cluster.payloads.store
        return f"  {pool}: first-boot config in the store ({where}), its stub of up to {most.size:,} bytes, {part}"
    packed = ", packed" if most.form is Form.STUB else ""
    return f"  {pool}: first-boot config of up to {most.size:,} bytes{packed}, {part}"


def _json(spec: str, checked: Checked, strict: bool) -> Json:
    cluster = checked.cluster
    return {
        "file": spec,
        "ok": checked.passes(strict),
        "cluster": cluster.name if cluster else None,
        "machines": [machine.name for machine in cluster.machines] if cluster else [],
        "first_boot": {
            name: {"size": fill.size, "limit": fill.limit, "form": str(fill.form)}
            for name, fill in checked.fills.items()
        },
        "findings": checked.report.to_json(),
    }
