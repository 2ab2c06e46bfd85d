"""`provision down`: remove everything of a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from provision import paths
from provision.apply.retry import Pace
from provision.apply.target import Target, find
from provision.cli import console, options, progress
from provision.errors import SpecError
from provision.model import MACHINE
from provision.plan import render
from provision.plan.model import Plan
from provision.sprawl import blast, ending, policies
from provision.sprawl.audit import audited
from provision.sprawl.prices import Cost, Prices, money
from provision.state import home


def down(
    target: options.Target = "cluster.yaml",
    yes: options.Yes = False,
    allow_destroy: options.AllowDestroy = None,
    timeout: options.Timeout = 1800,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Remove every machine and part of a cluster: what the state knows and what the platforms list under its labels.

    Works with a broken spec and without state. Shows what it deletes and what that saves, then asks for the cluster's
    name; with --yes, more than ten machines (or than the policy allows) need --allow-destroy.

    \b
    Example:
      provision down cluster.yaml
      provision down --yes demo
    """
    found = find(target)
    rules = _rules()
    with found.opened(lock_timeout=lock_timeout) as state:
        plan = ending.plan(found.owner, found.providers, state, found.observed())
        if plan.empty and not plan.vanished:
            console.note(f"nothing of {found.owner.cluster} is there")
            home.forget(paths.state(), found.owner)
            return
        plan = _priced(plan, found, Prices(policies.overrides(rules)))
        console.note(render.table(plan))
        saved = Cost.of((s.key.name, s.price_now) for s in plan.steps if s.key.kind == MACHINE)
        if saved.per_hour or saved.unknown:
            console.note(_saving(saved))
        if plan.changes and not yes:
            console.confirm(f"This removes all of {found.owner.cluster}, with its data.", found.owner.cluster)
        elif yes:
            blast.refuse(plan, rules, allow_destroy, whole=True)
        with audited("down", found.owner, machines=blast.ended(plan), saved_per_hour=saved.per_hour):
            listener = progress.listener(as_json=as_json)
            ending.carry_out(plan, found.providers, state, listener, Pace(timeout=timeout))
    console.note(f"{found.owner.cluster} is gone")


def _rules() -> list[policies.Policy]:
    """Return the policies in force; one that is wrong must not keep a cluster from being taken down."""
    try:
        return policies.found(Path.cwd())
    except SpecError as error:
        console.show(error.report)
        return []


def _priced(plan: Plan, found: Target, prices: Prices) -> Plan:
    """Return the plan with what each machine costs now."""
    steps = []
    for step in plan.steps:
        if step.observed is not None and step.key.kind == MACHINE:
            price = prices.observed(step.observed, found.providers[step.key.provider], {})
            step = replace(step, price=0.0, price_now=price)  # noqa: PLW2901
        steps.append(step)
    return replace(plan, steps=tuple(steps))


def _saving(saved: Cost) -> str:
    unknown = f", and what {len(saved.unknown)} machines of unknown price cost" if saved.unknown else ""
    return f"this saves {money(saved.per_hour)} an hour{unknown}"
