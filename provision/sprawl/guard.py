"""What stands between a plan and the bill: policies, prices and budgets, as `plan` and `up` ask for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from provision.apply.session import now
from provision.errors import Forbidden
from provision.model import MACHINE
from provision.plan.model import STAY, Action
from provision.sprawl import accounts, budget, looking, policies, rules
from provision.sprawl.budget import Spending
from provision.sprawl.prices import Cost, Prices, money
from provision.sprawl.tariff import MONTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provision.apply.session import Session
    from provision.diagnostics import Report
    from provision.model import Observed, Owner
    from provision.plan.model import Plan, Step
    from provision.provider import Provider
    from provision.spec.model import Cluster
    from provision.sprawl.inventory import Group, Inventory
    from provision.sprawl.policies import Policy

COSTS = frozenset((Action.CREATE, Action.REPLACE, Action.ADOPT))
"""Steps after which something is paid for that was not, or not by this cluster."""


@dataclass(frozen=True)
class Guard:
    """The limits that hold for one cluster."""

    cluster: Cluster
    policies: Sequence[Policy]
    prices: Prices

    @classmethod
    def of(cls, cluster: Cluster) -> Guard:
        """Read what is in force where the cluster's spec lies.

        Raises:
            SpecError: a policy cannot be read.
        """
        found = policies.found(cluster.directory)
        return cls(cluster, found, Prices(policies.overrides(found)))

    def check(self) -> Report:
        """Return what policies forbid."""
        return rules.check(self.cluster, self.policies)

    def refuse_forbidden(self) -> None:
        """Refuse what a policy forbids.

        Raises:
            Forbidden: with every violation.
        """
        report = self.check()
        if not report.ok:
            raise Forbidden(report, f"nothing was made: a policy forbids {self.cluster.name}: {report.summary()}")

    def priced(self, plan: Plan, session: Session) -> Plan:
        """Return a plan whose steps say what their machines cost, now and afterwards."""
        return replace(plan, steps=tuple(self._priced(step, session) for step in plan.steps))

    def _priced(self, step: Step, session: Session) -> Step:
        if step.key.kind != MACHINE:
            return step
        provider = session.providers[step.key.provider]
        options = session.cluster.providers.get(step.key.provider, {})
        was = self.prices.observed(step.observed, provider, options) if step.observed else 0.0
        if step.action is Action.DELETE:
            return replace(step, price=0.0, price_now=was)
        machine = session.cluster.machine(step.key.name) if step.thing else None
        return replace(step, price=self.prices.wanted(machine, provider) if machine else None, price_now=was)

    def over(self, session: Session, plan: Plan) -> list[str]:
        """Return what of a plan exceeds a budget; nothing when the plan makes nothing dearer.

        Raises:
            SpecError, StateError: see `looking.look`.
        """
        if not any(s.action in COSTS and s.key.kind == MACHINE for s in plan.steps) and not plan.asleep:
            return []
        costs = {
            name: Cost.of(
                (m.name, self.prices.wanted(m, provider)) for m in self.cluster.machines if m.provider == name
            )
            for name, provider in session.providers.items()
        }
        return self._exceeded(session.owner, costs, _hours(session.deadline))

    def extended(
        self, owner: Owner, providers: Mapping[str, Provider], things: Iterable[Observed], expires: datetime | None
    ) -> list[str]:
        """Return which budgets what runs of a cluster exceeds when it lives until another deadline.

        Raises:
            SpecError, StateError: see `looking.look`.
        """
        there = list(things)
        costs = {
            name: Cost.of(
                (o.name, self.prices.observed(o, provider, self.cluster.providers.get(name, {})))
                for o in there
                if o.provider == name
            )
            for name, provider in providers.items()
        }
        return self._exceeded(owner, costs, _hours(expires))

    def _exceeded(self, owner: Owner, costs: Mapping[str, Cost], hours: float) -> list[str]:
        """Return what is exceeded when the cluster costs so much on each provider, for so many hours."""
        ours = Spending.of(sum(costs.values(), Cost()), hours)
        why = budget.exceeded(budget.of_cluster(self.cluster, self.policies), ours)
        if not any(policy.section("budget").keys() - {"cluster"} for policy in self.policies):
            return why
        found = looking.look(prices=self.prices)
        return [*why, *self._shared(found, [g for g in found.groups if g.owner != owner], ours, costs, hours)]

    def _shared(
        self, found: Inventory, others: Sequence[Group], ours: Spending, costs: Mapping[str, Cost], hours: float
    ) -> Iterator[str]:
        """Yield what is exceeded together with all else that runs."""
        spent = [(g, budget.spending(g, found)) for g in others]
        owned = sum((s for g, s in spent if g.answers == self.cluster.owner), ours)
        yield from budget.exceeded(budget.of_owner(self.cluster.owner, self.policies), owned)
        yield from budget.exceeded(budget.of_all(self.policies), sum((s for _, s in spent), ours))
        for provider, cost in costs.items():
            account = accounts.named(provider, self.cluster.providers.get(provider, {}))
            name = self._accounts.get(account.key, account.name)
            there = sum((s for g, s in spent if g.account.name == name), Spending.of(cost, hours))
            yield from budget.exceeded(budget.of_account(name, self.policies), there)
        for error in found.unreachable:
            yield f"what runs on {error.provider} cannot be told: {error.message}"

    @cached_property
    def _accounts(self) -> Mapping[tuple[str, str], str]:
        found = accounts.configured(looking.states())
        return {account.key: account.name for account in found}


def _hours(deadline: datetime | None) -> float:
    """Return how many hours there are until a deadline."""
    return (deadline - now()).total_seconds() / 3600 if deadline else MONTH


def bill(plan: Plan, deadline: datetime | None) -> dict[str, object]:
    """Return what a priced plan changes: US dollars per hour now and afterwards, and until the deadline.

    Prices that nobody knows are not in the sums; `unknown` names the machines.
    """
    machines = [s for s in plan.steps if s.key.kind == MACHINE]
    now_, after = (
        Cost.of((s.key.name, s.price_now) for s in machines),
        Cost.of((s.key.name, _after(s)) for s in machines),
    )
    hours = (deadline - now()).total_seconds() / 3600 if deadline is not None else None
    return {
        "per_hour_now": round(now_.per_hour, 6),
        "per_hour_after": round(after.per_hour, 6),
        "change_per_hour": round(after.per_hour - now_.per_hour, 6),
        "until_deadline": round(after.per_hour * max(0.0, hours), 6) if hours is not None else None,
        "unknown": sorted({*now_.unknown, *after.unknown}),
    }


def _after(step: Step) -> float | None:
    """Return what a step leaves to be paid; what stays as it is and switched on costs what it costs now."""
    return step.price if step.action not in STAY or step.price is not None else step.price_now


def told(plan: Plan, deadline: datetime | None) -> str:
    """Return one line for the user: what a priced plan costs; "" where nothing costs anything."""
    sums = bill(plan, deadline)
    if not (sums["per_hour_now"] or sums["per_hour_after"] or sums["unknown"]):
        return ""
    before, after = float(str(sums["per_hour_now"])), float(str(sums["per_hour_after"]))
    change = f" ({'+' if after >= before else '-'}{money(abs(after - before))})" if after != before else ""
    life = f", {money(float(str(sums['until_deadline'])))} until the deadline" if deadline is not None else ""
    names = sums["unknown"]
    unknown = f", and machines of unknown price: {', '.join(names)}" if isinstance(names, list) and names else ""
    return f"machines cost {money(before)} an hour now, {money(after)} afterwards{change}{life}{unknown}"
