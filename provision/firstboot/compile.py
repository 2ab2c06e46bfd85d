"""A cluster's node configs and what provision adds, to one recipe per machine. Pure.

Reads no secret, asks no network; the same spec, lock and local files give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.etcd.bootstrap import Bootstrap, Facts, decide
from provision.firstboot import payload
from provision.firstboot.additions import fitness, fitness_containers
from provision.firstboot.payload import Form
from provision.firstboot.pool import Pools
from provision.firstboot.stored import unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.firstboot.payload import Fill
    from provision.firstboot.pool import Shared
    from provision.firstboot.recipe import Recipe
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
    if not fitness.version_known(additions_version, report):
        return CompiledCluster({}, report)
    unfit = fitness.check(cluster, additions_version)
    fitness_containers.check(cluster, traits, additions_version, unfit)
    report.extend(_placed(unfit, cluster))
    boot = _bootstrap(cluster, traits, report)
    pools = Pools(cluster, traits, additions_version, report)
    room = _Room(cluster, traits, report)
    recipes: dict[str, Recipe] = {}
    fills: dict[str, Fill] = {}
    for machine in cluster.machines:
        shared = pools.of(machine)
        if shared is not None:
            recipes[machine.name] = shared.recipe(machine)
            fills[machine.name] = room.of(machine, shared, recipes[machine.name])
    return CompiledCluster(recipes, report, boot, fills)


def _bootstrap(cluster: Cluster, traits: Mapping[str, Traits], report: Report) -> Bootstrap | None:
    voters = cluster.voters()
    if cluster.etcd is None or not voters:
        return None
    addresses = {m.name: m.address if traits[m.provider].planned_addresses else "" for m in voters}
    hosts = {_host(cluster, traits[m.provider]) for m in voters}
    found = Report()
    # Voters on platforms that know this computer by different addresses still share one service.
    boot = decide(cluster.etcd, Facts(addresses, "" if "" in hosts else min(hosts)), found)
    if cluster.etcd.fetched and not all(cluster.host(traits[m.provider].host_address) for m in voters):
        message = "voters cannot fetch their keys: machines do not reach the computer that runs `up`"
        hint = "say under `reception:` where they do, or write `tls: true`"
        found.error("PV463", message, path=("etcd", "tls"), hint=hint)
    report.extend(_placed(found, cluster))
    return boot


def _host(cluster: Cluster, traits: Traits) -> str:
    return cluster.host(traits.host_address) or "service" * traits.service


class _Room:
    """How full machines' channels are. The names' lengths alone tell apart the machines of a pool."""

    def __init__(self, cluster: Cluster, traits: Mapping[str, Traits], report: Report) -> None:
        self._cluster = cluster
        self._traits = traits
        self._report = report
        self._fills: dict[object, Fill] = {}
        self._full: set[int] = set()

    def of(self, machine: Machine, shared: Shared, recipe: Recipe) -> Fill:
        key = (id(shared), len(machine.name), len(machine.address))
        if key not in self._fills:
            self._fills[key] = payload.fill(recipe, self._traits[machine.provider], self._cluster.payloads)
        fill = self._fills[key]
        if id(shared) not in self._full and not (fill.fits and fill.form is not Form.EXTERNAL):
            self._full.add(id(shared))
            if fill.fits:
                self._report.extend(_placed(unreachable(machine, self._cluster, recipe, self._traits), self._cluster))
            else:
                self._no_room(machine, fill)
        return fill

    def _no_room(self, machine: Machine, fill: Fill) -> None:
        path = self._cluster.origin(machine, "config")
        self._report.error(
            "PV407",
            f"{machine.name}: the first-boot config takes up to {fill.size:,} bytes, and {machine.provider} carries "
            f"{fill.limit:,}",
            path=path,
            span=self._cluster.place(path),
            hint="embed less, fetching large files by URL with a verification hash, or name a store: `payloads.store`",
        )


def _placed(found: Report, cluster: Cluster) -> Report:
    """Return findings with the places that their paths have in the spec."""
    return Report([replace(f, span=f.span or cluster.place(f.path)) for f in found])
