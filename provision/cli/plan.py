"""`provision plan`: what `up` would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.apply.preflight import preflight
from provision.apply.session import opened
from provision.cli import console, options
from provision.plan import render, saved

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

    \b
    Example:
      provision plan cluster.yaml
      provision plan -o change.plan cluster.yaml && provision up change.plan
    """
    with opened(spec, mode="shared") as session:
        desired = session.desired()
        console.show(desired.compiled.report)
        console.show(preflight(session.providers, desired.wanted))
        found = session.plan(desired, replace=replace or ())
    if output:
        saved.save(output, found, Path(spec))
    if as_json:
        console.emit(saved.now_json(found))
    else:
        console.out(render.table(found, keep=every))
    if detailed_exitcode and not found.empty:
        raise typer.Exit(CHANGES_PENDING)
