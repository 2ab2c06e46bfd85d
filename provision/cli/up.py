"""`provision up`: make the cluster what the spec says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision import bodies
from provision.apply.compiling import findings
from provision.apply.preflight import preflight
from provision.apply.retry import Pace
from provision.apply.session import opened
from provision.apply.up import Up
from provision.cli import console, options, progress
from provision.diagnostics import Report
from provision.plan import render, saved
from provision.plan.model import Action
from provision.sprawl import blast, budget, guard
from provision.sprawl.audit import audited
from provision.sprawl.guard import Guard
from provision.state import records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.plan.model import Plan
    from provision.plan.saved import SavedPlan

DESTROYS = frozenset((Action.REPLACE, Action.DELETE))


def up(
    spec: Annotated[
        str, typer.Argument(help="The cluster spec, or a plan that `plan -o` wrote.", metavar="SPEC|PLAN")
    ] = "cluster.yaml",
    replace: options.Replace = None,
    yes: options.Yes = False,
    wait: options.Wait = True,
    over_budget: Annotated[
        str, typer.Option("--over-budget", help="Exceed the budgets, for this reason.", metavar="REASON")
    ] = "",
    allow_destroy: options.AllowDestroy = None,
    identity: options.Identity = None,
    timeout: options.Timeout = 1200,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Make the cluster what the spec says: create, change, replace, remove; then wait until it is healthy.

    Says what it will do first, and asks before it replaces or removes machines. After any interruption, run it again:
    nothing is lost and nothing is made twice.

    \b
    Example:
      provision up cluster.yaml
      provision up --replace demo-core-2 cluster.yaml
    """
    agreed = _saved(spec)
    with opened(
        agreed.spec if agreed else spec, mode="exclusive", lock_timeout=lock_timeout, waiting=_waiting
    ) as session:
        limits = Guard.of(session.cluster)
        limits.refuse_forbidden()
        desired = session.desired()
        console.show(findings(session.cluster, desired.compiled))
        console.show(preflight(session.providers, desired.wanted))
        asked = replace or (_asked(agreed) if agreed else [])
        plan = limits.priced(session.plan(desired, replace=asked), session)
        console.show(Report(list(plan.findings)))
        if agreed:
            agreed.verify(plan)
        console.note(render.table(plan))
        if costs := guard.told(plan, session.deadline):
            console.note(costs)
        blast.refuse(plan, limits.policies, allow_destroy)
        over = limits.over(session, plan)
        if not over_budget:
            budget.refuse(session.cluster.name, over)
        if not (yes or agreed):
            _confirm(plan)
        if over:
            session.state.journal.append([records.note(budget.OVERRIDE, {"reason": over_budget, "why": over})])
        listener, pace = progress.listener(as_json=as_json), Pace(timeout=timeout)
        with audited("up", session.owner, **_facts(plan, over, over_budget)):
            Up(session, desired, plan, listener, pace, identity, wait).run()
            while wait and plan.deferred and plan.changes:  # etcd's members come and go one at a time
                asked = _left(asked, plan)
                plan = session.plan(desired, replace=asked)
                console.note(render.table(plan))
                Up(session, desired, plan, listener, pace, identity, wait).run()
    console.note(f"{desired.owner.cluster} is up")


def _facts(plan: Plan, over: list[str], reason: str) -> dict[str, object]:
    """Return what the audit log says of a plan."""
    counts = {str(action): n for action, n in plan.counts().items()}
    return {"steps": counts, **({"over_budget": over, "reason": reason} if over else {})}


def _saved(text: str) -> SavedPlan | None:
    """Return the plan that a file holds, or None when it is a spec."""
    try:
        data = json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return saved.load(Path(text)) if isinstance(data, dict) and data.get("format") == saved.FORMAT else None


def _asked(agreed: SavedPlan) -> list[str]:
    """Return the machines whose replacement was asked for when the plan was made."""
    return [s["name"] for s in agreed.plan["steps"] if s["action"] == Action.REPLACE and "asked for" in s["reasons"]]


def _left(asked: Sequence[str], done: Plan) -> list[str]:
    """Return the machines whose replacement was asked for and put off."""
    replaced = {s.key.name for s in done.steps if s.action is Action.REPLACE}
    return [name for name in asked if name not in replaced]


def _confirm(plan: Plan) -> None:
    steps = (s for s in plan.steps if s.key.kind != bodies.KIND)  # these are made of the spec
    destroyed = [s.key.name for s in steps if s.action in DESTROYS or (s.deferred and s.observed)]
    if destroyed:
        console.confirm(f"This ends {', '.join(destroyed)}, with all their data.", plan.owner.cluster)


def _waiting(holder: object) -> None:
    console.note(f"waiting for {holder or 'another run'} to end")
