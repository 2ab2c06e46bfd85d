"""`provision list`: what runs, from labels alone."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provision.cli import console, options
from provision.errors import UsageError
from provision.model import State
from provision.provider import HasUnlabelled
from provision.spec import duration
from provision.sprawl import accounts, ask, choose, looking, policies
from provision.sprawl.inventory import Standing, warning
from provision.sprawl.prices import Cost, money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from provision.errors import ProviderError
    from provision.sprawl.inventory import Group, Inventory

# fmt: off
HEADERS = (
    "CLUSTER", "ACCOUNT", "MACHINES", "OWNER", "AGE", "LEFT", "ENDED-BY", "REVISION", "HOURLY", "SO-FAR", "STATE",
)
COLUMNS = (
    "cluster", "uid", "account", "provider", "machines", "running", "parts", "owner", "created", "age_seconds",
    "expires", "seconds_left", "ended_by", "revision", "spec",
)
# fmt: on
FOUND = 10
"""The exit code of `--check` when something is not as it should be."""
SHORT = 7
_CLEAR = "\x1b[H\x1b[2J"

Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", "-f", help="Only these: FIELD=PATTERN or FIELD!=PATTERN.", metavar="FIELD=PATTERN"),
]
States = Annotated[
    list[Path] | None,
    typer.Option("--state-dir", help="Another state directory whose clusters are tended; may be repeated."),
]


def list_(
    filters: Filters = None,
    sort: Annotated[str, typer.Option(help=f"Order: {', '.join(choose.ORDERS)}.")] = "cluster",
    state_dir: States = None,
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="Show what is not provision's at all.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="End with 10 when something is expired, orphaned or unowned.")
    ] = False,
    watch: Annotated[float, typer.Option(help="Show it again every so many seconds.", min=0, metavar="SECONDS")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds that an account has to answer.", min=1)] = looking.TIMEOUT,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show every cluster on every account that this computer knows of, found by labels alone.

    Asked are the accounts of provision.accounts.yaml, of every cluster that was brought up here, of the spec in the
    working directory, and this computer itself. An account that cannot be asked is named; the command then ends with 6,
    since the list is not complete.

    \b
    Example:
      provision list
      provision list --filter owner=ops@* --sort cost
      provision list --check --json
    """
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")
    if unlabelled:
        _unlabelled(timeout, as_json=as_json)
        return
    while True:
        found = looking.look(state_dir or (), timeout=timeout, prices=policies.prices(Path.cwd()))
        groups = choose.chosen(found.groups, filters or (), sort)
        if watch and console.moves(sys.stdout):
            console.out(_CLEAR)
        _write(found, groups, as_json=as_json, as_csv=as_csv)
        if not watch:
            break
        time.sleep(watch)
    _judge(found, groups, check=check)


def _write(found: Inventory, groups: Sequence[Group], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        console.emit(_json(found, groups))
    elif as_csv:
        _csv(found, groups)
    elif groups:
        console.table(HEADERS, [_row(g, found.at) for g in groups])
        console.note(_total(groups))
    elif not found.unreachable:
        console.note("nothing runs" if not found.groups else "nothing passes the filters")
    if not as_json:
        _warn(found, groups)


def _json(found: Inventory, groups: Sequence[Group]) -> dict[str, Any]:
    total = sum((g.hourly for g in groups), Cost())
    return {
        "at": found.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "clusters": [g.to_json(found.at) for g in groups],
        "unreachable": [{"account": e.provider, "message": e.message} for e in found.unreachable],
        "cost": {"per_hour": round(total.per_hour, 6), "unknown": len(total.unknown)},
    }


def _csv(found: Inventory, groups: Sequence[Group]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*COLUMNS, "states", "per_hour", "so_far", "unknown"])
    for row in (g.to_json(found.at) for g in groups):
        cost = row["cost"]
        plain = ["" if row[c] is None else row[c] for c in COLUMNS]
        writer.writerow([*plain, " ".join(row["states"]), cost["per_hour"], cost["so_far"], cost["unknown"]])


def _row(group: Group, now: datetime) -> tuple[object, ...]:
    running = sum(m.state is State.RUNNING for m in group.machines)
    partly = "" if running == len(group.machines) else f"; {running} of {len(group.machines)} running"
    return (
        group.name or "?",
        group.account.name,
        len(group.machines),
        group.answers or "?",
        _length((now - group.created).total_seconds() if group.created else None),
        _left(group, now),
        group.ender,
        group.revision[:SHORT] if "+" not in group.revision else "several",
        _money(group.hourly),
        _money(group.so_far),
        ", ".join(group.standings) + partly,
    )


def _money(cost: Cost) -> str:
    """Write what is known, and that it is not all."""
    if not cost.unknown:
        return money(cost.per_hour)
    return f"{money(cost.per_hour)} + ?" if cost.per_hour else "unknown"


def _left(group: Group, now: datetime) -> str:
    if group.expires is None:
        return "never ends" if group.owner else "?"
    left = (group.expires - now).total_seconds()
    return _length(left) if left > 0 else f"-{_length(-left)}"


def _length(seconds: float | None) -> str:
    """Write a length with its two largest units."""
    return "?" if seconds is None else duration.write(int(seconds))


def _total(groups: Sequence[Group]) -> str:
    cost = sum((g.hourly for g in groups), Cost())
    unknown = f", and {_count(len(cost.unknown), 'machine')} of unknown price" if cost.unknown else ""
    machines = sum(len(g.machines) for g in groups)
    counts = f"{_count(len(groups), 'cluster')}, {_count(machines, 'machine')}"
    return f"{counts}, {money(cost.per_hour)} an hour{unknown}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _warn(found: Inventory, groups: Sequence[Group]) -> None:
    """Say before it is too late what ends soon, and after that who has to delete it."""
    for text in filter(None, (warning(g.name, g.expires, found.at) for g in groups)):
        console.note(text)
    for error in found.unreachable:
        console.note(f"not asked: {error.provider}: {error.message}")


def _judge(found: Inventory, groups: Sequence[Group], *, check: bool) -> None:
    if found.unreachable:
        raise found.unreachable[0]
    if check and any(set(g.standings) - {Standing.TENDED} for g in groups):
        raise typer.Exit(FOUND)


def _unlabelled(timeout: float, *, as_json: bool) -> None:
    """Show what bears no owner labels; accounts whose provider cannot tell are named."""
    configured = accounts.configured(looking.states(), Path.cwd())
    able = [a for a in configured if isinstance(a.provider, HasUnlabelled)]
    answers = ask.unlabelled(able, timeout=timeout)
    things = [(answer.account.name, thing) for answer in answers for thing in answer.things]
    mute = [a.name for a in configured if a not in able]
    failed: list[ProviderError] = [answer.error for answer in answers if answer.error]
    if as_json:
        rows = [{"account": name, **thing.to_json()} for name, thing in things]
        unreachable = [{"account": e.provider, "message": e.message} for e in failed]
        console.emit({"unlabelled": rows, "unreachable": unreachable, "cannot_tell": mute})
    elif things:
        headers = ("ACCOUNT", "KIND", "NAME", "ID", "SIZE", "ZONE", "STATE")
        rows_ = [(name, o.kind, o.name, o.id, o.size, o.zone, o.state) for name, o in things]
        console.table(headers, rows_)
    else:
        console.note("nothing that is not provision's")
    if mute:
        console.note(f"cannot tell what is not provision's: {', '.join(mute)}")
    if failed:
        raise failed[0]
