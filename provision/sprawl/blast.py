"""How much one plan may delete before somebody has to say the number. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import PlanError
from provision.model import MACHINE, State
from provision.plan.model import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.plan.model import Plan
    from provision.sprawl.policies import Policy

MACHINES = 10
"""Machines that a plan may delete where no policy says otherwise."""
PERCENT = 50.0
"""Per cent of a cluster's machines that it may delete where no policy says otherwise."""
SPARED = 3
"""Machines that may always go as far as per cents are concerned, where no policy sets them: all of a small cluster."""


def ended(plan: Plan) -> list[str]:
    """Return the machines that a plan deletes, for good or to make them anew."""
    return [
        s.key.name
        for s in plan.steps
        if s.key.kind == MACHINE
        and s.action in {Action.DELETE, Action.REPLACE}
        and s.observed
        and s.observed.state is not State.DELETING
    ]


def refuse(plan: Plan, policies: Sequence[Policy], allowed: int | None, *, whole: bool = False) -> None:
    """Refuse a plan that deletes more than it may.

    Args:
        plan: what is to be done.
        policies: those in force; the strictest counts.
        allowed: the number that the user gave with `--allow-destroy`, None for none.
        whole: the cluster is taken down: per cents mean nothing then.

    Raises:
        PlanError: PV740, with the numbers.
    """
    going = ended(plan)
    if not going or (allowed is not None and len(going) <= allowed):
        return
    there = sum(s.key.kind == MACHINE and s.observed is not None for s in plan.steps)
    limit = 0 if allowed is not None else _limit(policies, there, whole=whole)
    if allowed is not None or len(going) > limit:
        most = f"--allow-destroy {allowed}" if allowed is not None else f"{limit} at once"
        raise PlanError(
            f"{len(going)} of {there} machines would be deleted, more than {most}: "
            f"{', '.join(going[:SPARED])}{', ...' if len(going) > SPARED else ''} [PV740]",
            hint=f"if that is meant, say `--allow-destroy {len(going)}`",
        )


def _limit(policies: Sequence[Policy], there: int, *, whole: bool) -> int:
    sections = [policy.section("destroy") for policy in policies]
    machines = min((s["machines"] for s in sections if "machines" in s), default=MACHINES)
    percents = [s["percent"] for s in sections if "percent" in s]
    if whole:
        return int(machines)
    share = int(min(percents) * there / 100) if percents else max(SPARED, int(PERCENT * there / 100))
    return min(int(machines), share)
