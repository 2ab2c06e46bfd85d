"""`provision extend`: let a cluster live longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from provision import paths
from provision.apply.session import LIFE, now
from provision.apply.target import Target, find
from provision.cli import console, options
from provision.errors import BudgetError, PartialFailure, UsageError
from provision.model import Observed, utc_text
from provision.spec import duration, load
from provision.spec.model import Cluster
from provision.sprawl import budget, policies
from provision.sprawl.audit import audited
from provision.sprawl.extending import Extension, later
from provision.sprawl.guard import Guard
from provision.sprawl.inventory import latest
from provision.state import home, records
from provision.state.cluster import ClusterState


def extend(
    target: options.Target,
    by: Annotated[str, typer.Argument(help="How much longer, such as 4h; or never.", metavar="DURATION")] = "",
    until: Annotated[str, typer.Option("--until", help="The new deadline, as 2027-01-31T18:00:00Z.")] = "",
    over_budget: Annotated[
        str, typer.Option("--over-budget", help="Exceed the budgets, for this reason.", metavar="REASON")
    ] = "",
    identity: options.Identity = None,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Move a cluster's deadline: on its labels, and by ssh in its machines, which end themselves by a timer.

    The duration counts from the present deadline, or from now when that has passed. Machines that could not be reached
    are named, and the command ends with 8: these end themselves at the old deadline. Run it again with --until.

    \b
    Example:
      provision extend demo 4h
      provision extend demo --until 2027-01-31T18:00:00Z
    """
    found = find(target)
    with found.opened(lock_timeout=lock_timeout) as state:
        things = [o for o in found.observed() if o.labels]
        current = latest(things)
        if current is None:
            what = "nothing of it runs" if not things else "it may live for ever already"
            raise UsageError(f"{found.owner.cluster} has no deadline to move: {what}")
        expires = _deadline(by, until, current)
        over = _refuse(found, state, things, expires, over_budget)
        if over:
            state.journal.append([records.note(budget.OVERRIDE, {"reason": over_budget, "why": over})])
        hosts = home.known_hosts(paths.state(), found.owner)
        move = Extension(found.owner, found.providers, state, expires, hosts, identity)
        facts = {"was": utc_text(current), "expires": move.text}
        with audited("extend", found.owner, **facts, **({"reason": over_budget} if over else {})) as told:
            told["reached"] = reached = _move(move, current, things)
            if as_json:
                console.emit({"cluster": found.owner.cluster, **facts, "reached": reached, "failed": move.failures})
            if move.failures:
                raise PartialFailure(
                    f"{found.owner.cluster} lives until {move.text}, but not all of it was told",
                    sorted(move.failures.items()),
                    hint=f"`provision extend {found.owner.cluster} --until {move.text}` tries again",
                )
    console.note(f"{found.owner.cluster} lives until {move.text}")


def _move(move: Extension, current: datetime, things: list[Observed]) -> list[str]:
    move.remember(current)
    move.relabel(things)
    return move.tell_machines(move.confirm(things))


def _deadline(by: str, until: str, current: datetime) -> datetime | None:
    if bool(by) == bool(until):
        raise UsageError("say either how much longer or --until when", hint="`provision extend demo 4h`")
    if by == "never":
        return None
    try:
        if by:
            return later(current, timedelta(seconds=duration.parse(by)), now())
        moment = datetime.fromisoformat(until)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if moment.tzinfo is None:
        raise UsageError(f"{until!r} has no time zone", hint="append Z for UTC")
    return moment.astimezone(UTC).replace(microsecond=0)


def _refuse(
    found: Target, state: ClusterState, things: list[Observed], expires: datetime | None, reason: str
) -> list[str]:
    """Return which budgets the longer life exceeds, with the user's consent.

    Raises:
        BudgetError: a policy limits the cluster's life, or a budget is exceeded and nobody agreed.
    """
    cluster = _spec(found)
    rules = policies.found(cluster.directory if cluster else Path.cwd())
    _refuse_long(state, things, expires, rules)
    if cluster is None:
        return []
    guard = Guard.of(cluster)
    over = guard.extended(found.owner, found.providers, things, expires)
    if not reason:
        budget.refuse(cluster.name, over, "nothing was changed")
    return over


def _refuse_long(
    state: ClusterState, things: list[Observed], expires: datetime | None, rules: list[policies.Policy]
) -> None:
    strictest = policies.strictest_ttl(rules)
    if strictest is None:
        return
    limit, policy = strictest
    note = state.recorded.notes.get(LIFE)
    made = min((o.created for o in things if o.created), default=now())
    begun = datetime.fromisoformat(note["begun"]) if note else made
    if expires is None or expires > begun + limit:
        raise BudgetError(
            f"nothing was changed: a cluster may live {duration.write(int(limit.total_seconds()))} at most, by "
            f"{policy.place('max_ttl')} [PV712]",
            hint=f"its life began at {utc_text(begun)}, so that {utc_text(begun + limit)} is the latest deadline",
        )


def _spec(found: Target) -> Cluster | None:
    """Return the cluster's spec, where it is known and has no errors; its budget is not known otherwise."""
    known = next((k for k in home.known(paths.state()) if k.uid == found.owner.uid and k.spec), None)
    return load.check(known.spec).cluster if known and Path(known.spec).is_file() else None
