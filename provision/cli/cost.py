"""`provision cost`: what runs costs."""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from provision.cli import console, options
from provision.cli.list import Filters, States
from provision.errors import ProviderError, UsageError
from provision.provider import HasPriceList
from provision.sprawl import accounts, choose, looking, policies, tariff
from provision.sprawl.inventory import Group, Inventory
from provision.sprawl.prices import Cost, Prices, money

KEYS = ("owner", "cluster", "provider", "account")
MONTH = tariff.MONTH


def cost(
    by: Annotated[str, typer.Option(help=f"One of {', '.join(KEYS)}.")] = "cluster",
    filters: Filters = None,
    state_dir: States = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the platforms for their prices first, and keep them.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that an account has to answer.", min=1)] = looking.TIMEOUT,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show what everything that runs costs: per hour, per month of 730 hours, and so far.

    So far is what still runs has cost since it was made. Machines and their public addresses are counted; disks and
    traffic are not, since platforms' lists do not show them. Machines of unknown price are counted beside the sums.

    \b
    Example:
      provision cost --by owner
      provision cost --refresh --json
    """
    if by not in KEYS:
        raise UsageError(f"there is no sum by {by!r}", hint=f"known are {', '.join(KEYS)}")
    if refresh:
        _refresh()
    prices = policies.prices(Path.cwd())
    found = looking.look(state_dir or (), timeout=timeout, prices=prices)
    groups = choose.chosen(found.groups, filters or (), "cluster")
    rows = _rows(groups, by)
    total = _sum("total", groups)
    if as_json:
        at = found.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        dates = _dates(found, prices)
        unreachable = [{"account": e.provider, "message": e.message} for e in found.unreachable]
        console.emit({"at": at, "by": by, "rows": rows, "total": total, "prices": dates, "unreachable": unreachable})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([[by, *list(total)[1:]], *(row.values() for row in rows)])
    else:
        console.table((by.upper(), "MACHINES", "HOURLY", "MONTHLY", "SO-FAR", "UNKNOWN"), map(_shown, [*rows, total]))
        for provider, day in _dates(found, prices).items():
            console.note(f"prices of {provider}: {f'list of {day}' if day else 'its own, or none'}")
    for error in found.unreachable:
        console.note(f"not asked: {error.provider}: {error.message}")
    if found.unreachable:
        raise found.unreachable[0]


def _rows(groups: list[Group], by: str) -> list[dict[str, Any]]:
    sums: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        sums[choose.FIELDS[by](group)[0]].append(group)
    return [_sum(name, members) for name, members in sorted(sums.items())]


def _sum(name: str, groups: list[Group]) -> dict[str, Any]:
    hourly = sum((g.hourly for g in groups), Cost())
    so_far = sum((g.so_far for g in groups), Cost())
    return {
        "name": name,
        "machines": sum(len(g.machines) for g in groups),
        "per_hour": round(hourly.per_hour, 6),
        "per_month": round(hourly.per_hour * MONTH, 4),
        "so_far": round(so_far.per_hour, 6),
        "unknown": len(hourly.unknown),
    }


def _shown(row: dict[str, Any]) -> tuple[object, ...]:
    amounts = [money(row[key]) for key in ("per_hour", "per_month", "so_far")]
    if row["unknown"] == row["machines"] and row["machines"]:
        amounts = ["unknown"] * 3
    return row["name"] or "?", row["machines"], *amounts, row["unknown"] or ""


def _dates(found: Inventory, prices: Prices) -> dict[str, str]:
    return {name: prices.dated(name) for name in sorted({g.account.provider_name for g in found.groups})}


def _refresh() -> None:
    """Ask every account's platform for its prices; one that cannot tell keeps the list that it has."""
    for account in accounts.configured(looking.states()):
        try:
            provider = account.provider
            if isinstance(provider, HasPriceList):
                kept = tariff.keep(account.provider_name, provider.price_list())
                console.note(f"{account.name}: prices refreshed in {kept}")
        except ProviderError as error:
            console.note(f"{account.name}: prices as they were: {error.message}")
