"""A cluster's node configs and what provision adds, to one recipe per machine. Pure.

Reads no secret, asks no network; the same spec, lock and local files give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report, Severity, Span
from provision.etcd.bootstrap import Bootstrap, Facts, decide
from provision.firstboot import ignition, payload
from provision.firstboot.additions import assemble
from provision.firstboot.additions.render_ignition3 import render
from provision.firstboot.additions.system import system
from provision.firstboot.nodeconfig import NodeConfigs
from provision.firstboot.recipe import Recipe, Slot, markers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.firstboot.payload import Fill
    from provision.model import Json
    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine


@dataclass(frozen=True, slots=True)
class CompiledCluster:
    """What compiling gives: recipes by machine (none for machines with errors), and every finding.

    `bootstrap` says how etcd forms, None without etcd. `fills` says how full each machine's channel is at most.
    """

    recipes: Mapping[str, Recipe]
    report: Report
    bootstrap: Bootstrap | None = None
    fills: Mapping[str, Fill] = field(default_factory=dict)


def compile_cluster(cluster: Cluster, *, traits: Mapping[str, Traits], additions_version: int) -> CompiledCluster:
    """Compile every machine.

    Args:
        cluster: the spec.
        traits: of every provider that the machines name.
        additions_version: which version of what provision adds; from the lock.
    """
    report = Report(sources=dict(cluster.sources))
    boot = _bootstrap(cluster, traits, report)
    configs = NodeConfigs(report)
    recipes: dict[str, Recipe] = {}
    fills: dict[str, Fill] = {}
    for machine in cluster.machines:
        user = configs.of(machine, cluster, system(machine.os).ignition)
        if user is None:
            continue
        recipe = _recipe(machine, cluster, user, traits[machine.provider], additions_version)
        recipes[machine.name] = recipe
        fills[machine.name] = payload.fill(recipe, traits[machine.provider])
        _check_room(machine, cluster, fills[machine.name], report)
    return CompiledCluster(recipes, report, boot, fills)


def _bootstrap(cluster: Cluster, traits: Mapping[str, Traits], report: Report) -> Bootstrap | None:
    voters = cluster.voters()
    if cluster.etcd is None or not voters:
        return None
    addresses = {m.name: m.address if traits[m.provider].planned_addresses else "" for m in voters}
    hosts = {traits[m.provider].host_address for m in voters}
    before = len(report.findings)
    # Voters on platforms that know this computer by different addresses still share one service.
    boot = decide(cluster.etcd, Facts(addresses, "" if "" in hosts else min(hosts)), report)
    report.findings[before:] = [_placed(f, cluster) for f in report.findings[before:]]
    return boot


def _recipe(machine: Machine, cluster: Cluster, user: Json, traits: Traits, version: int) -> Recipe:
    spec_version = user["ignition"]["version"]
    added, slots = assemble.additions(machine, cluster, traits, version)
    body = ignition.merge(render(added, spec_version), user, spec_version).config
    used = set(markers(body))
    named = {slot.name: slot for slot in (*slots, *_secret_slots(cluster))}
    return Recipe(machine.name, spec_version, body, {name: named[name] for name in sorted(used)})


def _secret_slots(cluster: Cluster) -> tuple[Slot, ...]:
    from provision.firstboot.interpolate import secret_slot

    return tuple(secret_slot(name, secret.max_size) for name, secret in cluster.secrets.items())


def _check_room(machine: Machine, cluster: Cluster, fill: Fill, report: Report) -> None:
    if fill.fits:
        return
    path = cluster.origin(machine, "config")
    report.error(
        "PV407",
        f"{machine.name}: the first-boot config takes up to {fill.size} bytes, and {machine.provider} carries "
        f"{fill.limit}",
        path=path,
        span=cluster.place(path),
        hint="embed less: large files can be fetched by URL with a verification hash",
    )


def _placed(finding: Diagnostic, cluster: Cluster) -> Diagnostic:
    span: Span | None = finding.span or cluster.place(finding.path)
    return Diagnostic(finding.code, finding.message, Severity(finding.severity), finding.path, span, finding.hint)
