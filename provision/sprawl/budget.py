"""The budget of the spec: `up` makes nothing that would exceed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import BudgetError

if TYPE_CHECKING:
    from provision.spec.model import Cluster
    from provision.sprawl.prices import Cost

MONTH = 730.0
"""Hours: a twelfth of a year, as the clouds bill it."""
OVERRIDE = "over-budget"
"""The journal note of the last `up` that was told to exceed the budget: ``{"reason": text, "why": [text]}``."""


def exceeded(cluster: Cluster, cost: Cost) -> list[str]:
    """Return a clause for each limit that is exceeded, or that cannot be judged for want of a price."""
    limits = {"per_hour": (cluster.budget.per_hour, 1.0), "per_month": (cluster.budget.per_month, hours(cluster))}
    found = []
    for name, (limit, length) in limits.items():
        if limit is None:
            continue
        spent = cost.per_hour * length
        place = cluster.places.get(("budget", name), cluster.file)
        if spent > limit + 1e-9:
            found.append(f"${spent:.4g} {name.replace('_', ' ')} is above the ${limit:.4g} of {place}")
        elif cost.unknown:
            found.append(
                f"nobody knows the price of {', '.join(cost.unknown)}, and {place} sets a limit of ${limit:.4g}"
            )
    return found


def hours(cluster: Cluster) -> float:
    """Return how many hours of a month the cluster can run: its lifetime, if that is shorter."""
    return MONTH if cluster.ttl is None else min(MONTH, cluster.ttl / 3600)


def refuse(cluster: Cluster, why: list[str]) -> None:
    """Refuse what exceeds the budget.

    Raises:
        BudgetError: there is a reason to.
    """
    if why:
        hint = "take fewer or smaller machines, raise the budget, or give `--over-budget REASON`, which is recorded"
        raise BudgetError(f"nothing was made: {cluster.name} is over its budget: {'; '.join(why)}", hint=hint)


def told(cluster: Cluster, cost: Cost) -> str:
    """Return one line for the user: what the spec's machines cost, per hour and for their lifetime."""
    life = "" if cluster.ttl is None else f", ${cost.per_hour * cluster.ttl / 3600:.4g} for the whole ttl"
    unknown = f", and machines of unknown price: {', '.join(cost.unknown)}" if cost.unknown else ""
    return f"machines of the spec cost ${cost.per_hour:.4g} an hour{life}{unknown}"
