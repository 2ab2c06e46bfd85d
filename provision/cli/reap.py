"""`provision reap`: delete what has expired, once or again and again."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from provision.apply.retry import Pace
from provision.cli import console, options, progress
from provision.cli.list import States
from provision.errors import PartialFailure, ProvisionError, UsageError
from provision.spec import duration
from provision.sprawl import looking, policies
from provision.sprawl.inventory import Inventory
from provision.sprawl.prices import Prices, money
from provision.sprawl.reap import Fate, Reaper, Terms, Verdict, judge

GRACE = "10m"
HEADERS = ("CLUSTER", "ACCOUNT", "MACHINES", "PARTS", "OWNER", "HOURLY", "FATE", "WHY")


def reap(
    yes: Annotated[bool, typer.Option("--yes", help="Delete although this is a terminal.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    every: Annotated[str, typer.Option(help="Go on for ever, with such a pause: 10m.", metavar="DURATION")] = "",
    grace: Annotated[
        str, typer.Option(help="Spare what expired less long ago; 10m if no policy says.", metavar="DURATION")
    ] = "",
    exclude: Annotated[
        list[str] | None, typer.Option(help="Spare these: FIELD=PATTERN, as for list.", metavar="FIELD=PATTERN")
    ] = None,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Delete also what no state knows, expired or not.")
    ] = False,
    state_dir: States = None,
    timeout: options.Timeout = 1800,
    as_json: options.Json = False,
) -> None:
    """Delete every cluster whose deadline has passed, on every account that `provision list` asks.

    On a terminal it only shows what it would delete, unless --yes is given; elsewhere, as under cron, it deletes. A
    cluster's labels are read again under its lock just before: one that was extended, or that another run works on, is
    spared, and so is what is protected or excluded.

    \b
    Example:
      provision reap
      provision reap --every 10m --exclude owner=ops@*
    """
    pause = _seconds(every) if every else 0
    while True:
        try:
            _once(yes, dry_run, grace, exclude or [], orphans, state_dir or [], timeout, as_json)
        except ProvisionError as error:
            if not pause or error.exit_code == 130:
                raise
            console.fail(error)  # a service goes on: the next round may find the account again
        if not pause:
            return
        time.sleep(pause)


def _once(
    yes: bool,
    dry_run: bool,
    grace: str,
    exclude: list[str],
    orphans: bool,
    state_dir: list[Path],
    timeout: float,
    as_json: bool,
) -> None:
    rules = policies.found(Path.cwd())
    found = looking.look(state_dir, prices=Prices(policies.overrides(rules)))
    terms = _terms(rules, grace, exclude, orphans)
    verdicts = judge(found, terms)
    if not (dry_run or (sys.stdout.isatty() and not yes)):
        quiet = progress.listener(as_json=False)
        reaper = Reaper(terms, looking.states(state_dir), quiet, Pace(timeout=timeout))
        verdicts = [reaper.reap(v) if v.fate is Fate.DUE else v for v in verdicts]
    _report(found, verdicts, as_json)


def _terms(rules: list[policies.Policy], grace: str, exclude: list[str], orphans: bool) -> Terms:
    """Return what is reaped: the longest grace of all policies, where the command line says none."""
    sections = [policy.section("reap") for policy in rules]
    longest = max((_seconds(s["grace"]) for s in sections if "grace" in s), default=_seconds(GRACE))
    excluded = [*exclude, *(text for s in sections for text in s.get("exclude", ()))]
    return Terms(timedelta(seconds=_seconds(grace) if grace else longest), excluded, orphans)


def _report(found: Inventory, verdicts: list[Verdict], as_json: bool) -> None:
    if as_json:
        unreachable = [{"account": e.provider, "message": e.message} for e in found.unreachable]
        at = found.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        console.emit({"at": at, "clusters": [v.to_json() for v in verdicts], "unreachable": unreachable})
    elif verdicts:
        console.table(HEADERS, [_row(v) for v in verdicts])
    else:
        console.note("nothing has expired")
    for error in found.unreachable:
        console.note(f"not asked: {error.provider}: {error.message}")
    due = [v for v in verdicts if v.fate is Fate.DUE]
    if due:
        console.note(f"{len(due)} to be deleted; nothing was deleted: say --yes if it is meant")
    failed = [(v.owner.cluster, v.why) for v in verdicts if v.fate is Fate.FAILED]
    if failed:
        raise PartialFailure("some clusters could not be deleted", failed, hint="the next `provision reap` goes on")
    if found.unreachable:
        raise found.unreachable[0]


def _row(verdict: Verdict) -> tuple[object, ...]:
    row = verdict.to_json()
    hourly = money(verdict.cost.per_hour) + (" + ?" if verdict.cost.unknown else "")
    accounts = ", ".join(row["accounts"])
    return row["cluster"], accounts, row["machines"], row["parts"], row["owner"], hourly, row["fate"], row["why"]


def _seconds(text: str) -> int:
    try:
        return duration.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
