"""What a spec asks for containers that an operating system, an engine or the cluster's etcd cannot do."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from provision.firstboot.additions import flannel, fleet
from provision.firstboot.additions.runtime import engine_of
from provision.firstboot.additions.system import runtimes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.diagnostics import Report
    from provision.provider import Traits
    from provision.spec.model import Cluster, Runtime

V2 = ("3.4", "3.5")
"""The versions of etcd that still have the v2 API."""


def check(cluster: Cluster, traits: Mapping[str, Traits], version: int, report: Report) -> None:
    """Report settings of the runtime (PV428, PV429), flannel (PV430, PV431) and fleet (PV432) that cannot be."""
    if cluster.runtime:
        _runtime(cluster, cluster.runtime, version, report)
    if cluster.flannel:
        _flannel(cluster, traits, report)
    for machine in {m.pool: m for m in cluster.machines if m.fleet}.values():
        if machine.os not in fleet.SYSTEMS:
            message = f"{machine.os} has no fleet"
            hint = "leave it out; fleet ended with Container Linux"
            report.error("PV432", message, path=(*machine.path, "fleet"), hint=hint)


def _runtime(cluster: Cluster, wanted: Runtime, version: int, report: Report) -> None:
    known = runtimes(version)
    engines = known["systems"].get(cluster.os, [])
    engine = engine_of(cluster.os, wanted, version)
    if not engine:
        message = f"provision cannot set up {wanted.engine or 'a container runtime'} on {cluster.os}"
        hint = f"take {' or '.join(engines)}" if engines else "leave `runtime` out"
        report.error("PV429", message, path=("runtime", "engine"), hint=hint)
        return
    can: dict[str, Any] = known["engines"][engine]
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    for name, value in given.items():
        if name == "engine" or value in ("", (), None):
            continue
        if name not in can["settings"]:
            hint = f"{engine} can be told {', '.join(can['settings'])}"
            report.error("PV428", f"{engine} has no setting for {name}", path=("runtime", name), hint=hint)
        elif name in can and value not in can[name]:
            hint = f"it knows {', '.join(can[name])}"
            report.error("PV428", f"{engine} knows no {name} {value!r}", path=("runtime", name), hint=hint)
    sized = wanted.log_max_size or wanted.log_max_files
    if sized and wanted.log_driver not in can.get("sized", (wanted.log_driver,)):
        driver = wanted.log_driver or "its own log driver"
        name = "log_max_size" if wanted.log_max_size else "log_max_files"
        hint = f"take the log driver {' or '.join(filter(None, can['sized']))}"
        report.error("PV428", f"{engine} limits no logs with {driver}", path=("runtime", name), hint=hint)


def _flannel(cluster: Cluster, traits: Mapping[str, Traits], report: Report) -> None:
    path, etcd = ("flannel",), cluster.etcd
    if cluster.os not in flannel.SYSTEMS:
        hint = f"it comes with {' and '.join(sorted(flannel.SYSTEMS))}; elsewhere run it as a container"
        report.error("PV430", f"{cluster.os} has no flanneld of its own", path=path, hint=hint)
        return
    if etcd is None or etcd.version not in V2:
        has = f"etcd {etcd.version} has not" if etcd else "this cluster has none"
        hint = "add `etcd` with version 3.4 or 3.5, and a pool with `etcd: true`"
        report.error("PV431", f"flannel needs an etcd with the v2 API, and {has}", path=path, hint=hint)
        return
    guests = [m for m in cluster.machines if not m.etcd]
    planned = etcd.bootstrap == "srv" or all(traits[m.provider].planned_addresses for m in cluster.voters())
    if guests and not planned:
        message = f"{guests[0].name} has no member of its own, and where the members will be is not known beforehand"
        report.error("PV431", message, path=path, hint="give its pool `etcd: true`, or plan addresses")
    if guests and etcd.tls:
        message = f"{guests[0].name} has no certificate for etcd, which flannel needs with TLS"
        report.error("PV431", message, path=path, hint="give its pool `etcd: true`, or run etcd without TLS")
    _network(cluster, report)


def _network(cluster: Cluster, report: Report) -> None:
    if cluster.flannel is None:
        return
    path = ("flannel", "network")
    try:
        network = IPv4Network(cluster.flannel.network)
    except ValueError as error:
        report.error("PV431", f"not an IPv4 network: {error}", path=path, hint="write one such as 10.1.0.0/16")
        return
    if network.overlaps(cluster.subnet):
        hint = "take one apart from it"
        report.error("PV431", f"{network} overlaps the machines' own {cluster.subnet}", path=path, hint=hint)
    if network.prefixlen > cluster.flannel.subnet_length - 2:
        message = f"{network} has no room for subnets of /{cluster.flannel.subnet_length}"
        report.error("PV431", message, path=path, hint="take a larger network, or a greater subnet_length")
