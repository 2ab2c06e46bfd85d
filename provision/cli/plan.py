"""`provision plan`: what `up` would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.apply.compiling import findings
from provision.apply.preflight import preflight
from provision.apply.session import opened
from provision.cli import console, options
from provision.diagnostics import Report
from provision.errors import PlanError, UsageError
from provision.plan import render, saved
from provision.plan.model import Plan
from provision.sprawl import blast, guard
from provision.sprawl.guard import Guard

CHANGES_PENDING = 10


def plan(
    spec: options.Spec = "cluster.yaml",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the plan to a file for `up FILE`.")
    ] = None,
    replace: options.Replace = None,
    every: Annotated[bool, typer.Option("--all", help="Show what stays as it is, too.")] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 10 when there is something to do.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Compare what the spec wants with what there is, and say what `up` would do, and why. Changes nothing.

    With --output the lock beside the spec is written, too: a plan that is kept is about one uid and certain images.
    `up FILE` carries exactly that plan out, and refuses when the world has moved since.

    \b
    Example:
      provision plan cluster.yaml
      provision plan -o change.plan cluster.yaml && provision up change.plan
    """
    with opened(spec, mode="shared", pin=output is not None) as session:
        desired = session.desired()
        console.show(findings(session.cluster, desired.compiled))
        console.show(preflight(session.providers, desired.wanted))
        limits = Guard.of(session.cluster)
        found = limits.priced(session.plan(desired, replace=replace or ()), session)
        over, life = limits.over(session, found), session.deadline
    if costs := guard.told(found, life):
        console.note(costs)
    for why in over:
        console.note(f"over budget, `up` will make nothing: {why}")
    _tell_blast(found, limits)
    console.show(Report(list(found.findings)))
    if output:
        _save(output, found, Path(spec))
    if as_json:
        console.emit({**saved.now_json(found), "cost": guard.bill(found, life)})
    else:
        console.out(render.table(found, keep=every))
    limits.refuse_forbidden()
    if detailed_exitcode and not found.empty:
        raise typer.Exit(CHANGES_PENDING)


def _tell_blast(found: Plan, limits: Guard) -> None:
    try:
        blast.refuse(found, limits.policies, None)
    except PlanError as error:
        console.note(f"{error.message}; {error.hint}")


def _save(path: Path, found: Plan, spec: Path) -> None:
    try:
        saved.save(path, found, spec)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
