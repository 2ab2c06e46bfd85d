"""`provision list`: what runs, from labels alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from provision import paths
from provision.apply.session import now, providers_for
from provision.apply.target import local_options
from provision.cli import console, options
from provision.errors import ProviderError
from provision.model import MACHINE, State
from provision.state import home

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provision.model import Json, Observed, Owner

HEADERS = ("CLUSTER", "PROVIDER", "MACHINES", "PARTS", "OWNER", "EXPIRES", "STATE")


def list_(as_json: options.Json = False) -> None:
    """Show every cluster on every provider that this computer knows of, found by labels alone.

    A provider that cannot be asked is named; the command then ends with 6, since the list is not complete.

    \b
    Example:
      provision list --json
    """
    things, unreachable = _ask_all()
    rows = list(_clusters(things))
    if as_json:
        console.emit({"clusters": rows, "unreachable": [e.message for e in unreachable]})
    elif rows:
        console.table(HEADERS, [tuple(row[h.lower()] for h in HEADERS) for row in rows])
    else:
        console.note("nothing runs")
    if unreachable:
        raise unreachable[0]


def _ask_all() -> tuple[list[Observed], list[ProviderError]]:
    things: dict[tuple[str, str], Observed] = {}
    unreachable: list[ProviderError] = []
    asked: list[Json] = []
    for options_by_name, directory in _configurations():
        fresh = {n: o for n, o in options_by_name.items() if {n: o} not in asked}
        asked += [{n: o} for n, o in fresh.items()]
        for name, provider in providers_for(fresh, directory).items():
            try:
                things.update(((name, o.id), o) for o in provider.list(None))
            except ProviderError as error:
                error.provider = error.provider or name
                unreachable.append(error)
    return list(things.values()), unreachable


def _configurations() -> Iterator[tuple[Json, Path]]:
    yield local_options(), Path.cwd()
    for known in home.known(paths.state()):
        yield dict(known.providers), Path(known.spec).parent


def _clusters(things: Iterable[Observed]) -> Iterator[Json]:
    groups: dict[tuple[Owner, str], list[Observed]] = defaultdict(list)
    for thing in things:
        if thing.labels:
            groups[thing.labels.whose, thing.provider].append(thing)
    for (owner, provider), members in sorted(groups.items()):
        machines = [m for m in members if m.kind == MACHINE]
        labels = members[0].labels
        yield {
            "cluster": owner.cluster,
            "uid": owner.uid,
            "provider": provider,
            "machines": len(machines),
            "parts": len(members) - len(machines),
            "owner": labels.owner if labels else "",
            "expires": labels.expires if labels else "",
            "state": _state(members, machines),
        }


def _state(members: list[Observed], machines: list[Observed]) -> str:
    deadline = members[0].labels.deadline if members[0].labels else None
    if deadline is not None and deadline < now():
        return "expired"
    running = sum(m.state is State.RUNNING for m in machines)
    return "running" if running == len(machines) else f"{running} of {len(machines)} running"
