"""Budgets: `up` makes nothing that would exceed one.

| limit | counts | stands in |
| --- | --- | --- |
| of the cluster | all machines of the spec, whether they run already, are switched on again, adopted or made | the spec, a policy |
| of the owner, of the account, of everything | the same, and what else runs there | a policy |

Per hour is what all of it costs in an hour. Per month is what it costs in the next 730 hours, each cluster no longer
than its deadline lets it.
"""  # noqa: E501 - a table

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from provision.errors import BudgetError
from provision.sprawl.prices import Cost, money
from provision.sprawl.tariff import MONTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provision.model import Json
    from provision.spec.model import Cluster
    from provision.sprawl.inventory import Group, Inventory
    from provision.sprawl.policies import Policy

OVERRIDE = "over-budget"
"""The journal note of the last run that was told to exceed a budget: ``{"reason": text, "why": [text]}``."""
PERIODS = ("per_hour", "per_month")


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent on something. `of` names it, `place` says where the limit is written."""

    of: str
    period: str
    dollars: float
    place: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What something costs: per hour, in the next 730 hours, and of what nobody knows the price."""

    per_hour: float = 0.0
    per_month: float = 0.0
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            self.per_hour + other.per_hour, self.per_month + other.per_month, (*self.unknown, *other.unknown)
        )

    @classmethod
    def of(cls, cost: Cost, hours: float) -> Spending:
        """Return what a cost comes to when it is paid for so many more hours."""
        return cls(cost.per_hour, cost.per_hour * max(0.0, min(MONTH, hours)), cost.unknown)


def spending(group: Group, found: Inventory) -> Spending:
    """Return what a cluster that runs costs; past its deadline it is still there, and still paid for."""
    left = (group.expires - found.at).total_seconds() / 3600 if group.expires else MONTH
    return Spending.of(group.hourly, left if left > 0 else MONTH)


def exceeded(limits: Iterable[Limit], spent: Spending) -> list[str]:
    """Return a clause for each limit that is exceeded, or that cannot be judged for want of a price."""
    clauses = []
    for limit in limits:
        amount = spent.per_hour if limit.period == "per_hour" else spent.per_month
        words = limit.period.replace("_", " ")
        if amount > limit.dollars + 1e-9:
            clauses.append(f"{limit.of}: {money(amount)} {words} is above the {money(limit.dollars)} of {limit.place}")
        elif spent.unknown:
            names = ", ".join(spent.unknown[:5]) + (", ..." if len(spent.unknown) > 5 else "")
            clauses.append(
                f"{limit.of}: nobody knows the price of {names}, and {limit.place} sets a limit of "
                f"{money(limit.dollars)} {words}"
            )
    return clauses


def of_cluster(cluster: Cluster, policies: Sequence[Policy]) -> list[Limit]:
    """Return the limits that hold for the cluster alone."""
    own = {"per_hour": cluster.budget.per_hour, "per_month": cluster.budget.per_month}
    found = [
        Limit(cluster.name, period, dollars, str(cluster.places.get(("budget", period), cluster.file)))
        for period, dollars in own.items()
        if dollars is not None
    ]
    for policy in policies:
        section = policy.section("budget").get("cluster", {})
        found += _limits(policy, section, cluster.name, "cluster")
    return found


def of_owner(owner: str, policies: Sequence[Policy]) -> list[Limit]:
    """Return the limits that hold for an owner."""
    return list(_matching(policies, "owners", owner, f"owner {owner}"))


def of_account(account: str, policies: Sequence[Policy]) -> list[Limit]:
    """Return the limits that hold for an account."""
    return list(_matching(policies, "accounts", account, f"account {account}"))


def of_all(policies: Sequence[Policy]) -> list[Limit]:
    """Return the limits that hold for everything together."""
    return [
        limit
        for policy in policies
        for limit in _limits(policy, policy.section("budget").get("total", {}), "everything", "total")
    ]


def refuse(name: str, why: Sequence[str], what: str = "nothing was made") -> None:
    """Refuse what exceeds a budget.

    Raises:
        BudgetError: there is a reason to.
    """
    if why:
        hint = "take fewer or smaller machines, raise the budget, or give `--over-budget REASON`, which is recorded"
        raise BudgetError(f"{what}: {name} is over budget: {'; '.join(why)}", hint=hint)


def _matching(policies: Sequence[Policy], section: str, name: str, of: str) -> Iterator[Limit]:
    for policy in policies:
        rows: Mapping[str, Json] = policy.section("budget").get(section, {})
        pattern = next((p for p in rows if fnmatchcase(name, p)), None)
        if pattern is not None:
            yield from _limits(policy, rows[pattern], of, section, pattern)


def _limits(policy: Policy, section: Mapping[str, float], of: str, *trail: str) -> Iterator[Limit]:
    for period in PERIODS:
        if period in section:
            place = str(policy.place("budget", *trail, period))
            yield Limit(of, period, section[period], place)
