"""One machine by its name, among all clusters that this computer knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision import paths
from provision.apply.target import find
from provision.errors import UsageError
from provision.model import MACHINE
from provision.state import home

if TYPE_CHECKING:
    from provision.apply.target import Target
    from provision.model import Observed


def find_machine(name: str, cluster: str | None) -> tuple[Target, Observed]:
    """Return a machine and its cluster.

    Args:
        name: the machine's.
        cluster: its cluster's name or spec; None to look for the cluster whose name begins the machine's.

    Raises:
        UsageError: there is none, with the names that there are.
    """
    target = find(cluster or _cluster_of(name))
    machines = {o.name: o for o in target.observed() if o.kind == MACHINE}
    if name not in machines:
        there = ", ".join(sorted(machines)) or "no machines"
        raise UsageError(f"{target.owner.cluster} has no machine {name!r}", hint=f"there are: {there}")
    return target, machines[name]


def _cluster_of(machine: str) -> str:
    """A machine's name is CLUSTER-POOL-N, where the first two may hold dashes themselves."""
    names = {owner.cluster for owner in home.owners_in(paths.state())}
    parts = machine.split("-")
    candidates = ["-".join(parts[:n]) for n in range(len(parts) - 2, 0, -1)]
    return next((c for c in candidates if c in names), candidates[0] if candidates else machine)
