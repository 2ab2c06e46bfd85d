"""Whether the project's quotas have room: https://cloud.google.com/compute/resource-usage."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from provision.providing.checking import error
from provision_gce import listing
from provision_gce.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json, MachineWanted
    from provision_gce.checking.view import View

    Count = Callable[[View, Iterable[MachineWanted]], Counter[str]]

OWN_CPUS = ("c2", "c2d", "c3", "c3d", "c4", "c4a", "m1", "m2", "m3", "n2", "n2d", "n4", "t2d", "t2a", "a2", "g2")
"""Families whose processors count against a quota of their own, such as N2_CPUS, beside CPUS_ALL_REGIONS."""


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what is wanted beside what is in use, where the cluster's own machines count once."""
    tight = [*_tight(view, view.region, _regional), *_tight(view, view.project, _global)]
    if not tight:
        return
    own = {machine.name for machine in listing.machines(view.cloud, view.wanted.labels.whose)}
    spare = [machine for machine in view.wanted.machines if machine.name in own]
    for metric, needed, used, limit, count in tight:
        beside = used - count(view, spare)[metric]
        if needed + beside > limit:
            yield error(
                "PV544",
                f"the cluster takes {needed:g} of {metric} and {beside:g} are in use beside it: more than the quota of "
                f"{limit:g}",
                OPTIONS,
                f"raise the quota {metric}, or take fewer or smaller machines",
            )


def _tight(view: View, holder: Json, count: Count) -> Iterator[tuple[str, float, float, float, Count]]:
    needed = count(view, view.wanted.machines)
    for quota in holder.get("quotas", []):
        metric, used, limit = quota["metric"], quota.get("usage", 0.0), quota.get("limit", 0.0)
        if needed[metric] and needed[metric] + used > limit:
            yield metric, needed[metric], used, limit, count


def _regional(view: View, machines: Iterable[MachineWanted]) -> Counter[str]:
    needed: Counter[str] = Counter()
    for machine in machines:
        needed["INSTANCES"] += 1
        needed["IN_USE_ADDRESSES"] += view.options(machine).associate_public_ip
        needed[_cpus(view, machine)] += _count(view, machine)
    return needed


def _global(view: View, machines: Iterable[MachineWanted]) -> Counter[str]:
    return Counter({"CPUS_ALL_REGIONS": sum(_count(view, machine) for machine in machines)})


def _cpus(view: View, machine: MachineWanted) -> str:
    if view.options(machine).spot:
        return "PREEMPTIBLE_CPUS"
    family = str(machine.size).partition("-")[0]
    return f"{family.upper()}_CPUS" if family in OWN_CPUS else "CPUS"


def _count(view: View, machine: MachineWanted) -> int:
    kind = view.type_of(machine)
    return int(kind["guestCpus"]) if kind else 0
