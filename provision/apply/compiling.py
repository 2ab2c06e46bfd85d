"""A spec and its lock to recipes, and nothing else: no state is opened, no platform asked, no secret read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.apply.platforms import providers_for
from provision.diagnostics import Report
from provision.firstboot.compile import compile_cluster
from provision.spec import lock as locks

if TYPE_CHECKING:
    from provision.firstboot.compile import CompiledCluster
    from provision.spec.model import Cluster


def compiled(cluster: Cluster, spec: str) -> CompiledCluster:
    """Compile a cluster with the additions that its lock pins; with the newest where there is no lock.

    Args:
        cluster: as it was loaded.
        spec: the path of its file, or "-" for stdin, which has no lock beside it.

    Raises:
        SpecError: the lock is malformed.
        ProviderMissing: a plugin is not installed.
    """
    pins = locks.read(locks.path_for(spec)) if spec != "-" else None
    # Not the classes' traits: options decide some, such as which hypervisor Vagrant starts. No platform is asked.
    traits = {name: one.traits for name, one in providers_for(cluster.providers, cluster.directory).items()}
    return compile_cluster(cluster, traits=traits, additions_version=pins.additions if pins else locks.NEWEST_ADDITIONS)


def findings(cluster: Cluster, made: CompiledCluster) -> Report:
    """Return all that is to be told: the spec's warnings, then what the compilers found."""
    report = Report(list(cluster.warnings), dict(cluster.sources))
    report.extend(made.report)
    return report
