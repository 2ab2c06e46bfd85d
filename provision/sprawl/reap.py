"""What has expired, deleted: judged from the inventory, judged again under the cluster's lock, ended by the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from provision.apply.observe import observe
from provision.apply.session import now, providers_for
from provision.errors import LockHeld, PlanError, ProvisionError
from provision.model import Owner, utc_text
from provision.sprawl import choose, ending
from provision.sprawl.ask import PATIENCE
from provision.sprawl.audit import audited
from provision.sprawl.inventory import Standing, latest
from provision.sprawl.prices import Cost
from provision.state import home
from provision.state.cluster import ClusterState
from provision.state.lock import Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from provision.apply.events import Event
    from provision.apply.retry import Pace
    from provision.model import Json, Observed
    from provision.provider import Provider
    from provision.sprawl.inventory import Group, Inventory


INTERRUPTED = 130
"""The exit code of errors that end the reaper, not a cluster's reaping."""


class Fate(StrEnum):
    """What becomes of a cluster."""

    DUE = "due"  # to be deleted
    SPARED = "spared"
    REAPED = "reaped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One cluster that has expired (or is orphaned, where these are asked for), and what becomes of it, and why."""

    owner: Owner
    groups: Sequence[Group]
    fate: Fate
    why: str

    @property
    def things(self) -> list[Observed]:
        """All that it has, on all accounts."""
        return [thing for group in self.groups for thing in group.things]

    @property
    def cost(self) -> Cost:
        """What it costs per hour."""
        return sum((group.hourly for group in self.groups), Cost())

    def to_json(self) -> Json:
        """Return the documented JSON form."""
        return {
            "cluster": self.owner.cluster,
            "uid": self.owner.uid,
            "accounts": [g.account.name for g in self.groups],
            "owner": next((g.answers for g in self.groups if g.answers), ""),
            "machines": sum(len(g.machines) for g in self.groups),
            "parts": len(self.things) - sum(len(g.machines) for g in self.groups),
            "fate": str(self.fate),
            "why": self.why,
            "per_hour": round(self.cost.per_hour, 6),
        }


@dataclass(frozen=True, slots=True)
class Terms:
    """What is reaped: `grace` after the deadline, nothing that a filter of `exclude` fits, orphans where asked for."""

    grace: timedelta
    exclude: Sequence[str] = ()
    orphans: bool = False


def judge(found: Inventory, terms: Terms) -> list[Verdict]:
    """Return every cluster that has expired, or is orphaned where these are asked for, with its fate. Pure.

    Things whose labels cannot be read are never reaped: nobody can tell whose they are.

    Raises:
        UsageError: a filter is none.
    """
    clusters: dict[Owner, list[Group]] = {}
    for group in found.groups:
        if group.owner is not None:
            clusters.setdefault(group.owner, []).append(group)
    # The longest-lived of a cluster's things counts, on whichever account; `extend` may have moved only some.
    ends = {owner: latest(o for g in groups for o in g.things) for owner, groups in clusters.items()}
    return [
        Verdict(owner, groups, *_fate(groups, ends[owner], terms, found.at))
        for owner, groups in sorted(clusters.items())
        if _concerned(groups, ends[owner], terms, found.at)
    ]


def _concerned(groups: Sequence[Group], end: datetime | None, terms: Terms, at: datetime) -> bool:
    orphaned = any(Standing.ORPHANED in group.standings for group in groups)
    return (end is not None and end <= at) or (terms.orphans and orphaned)


def _fate(groups: Sequence[Group], end: datetime | None, terms: Terms, at: datetime) -> tuple[Fate, str]:
    excluded = next((text for text in terms.exclude if choose.chosen(groups, [text], "cluster")), "")
    protected = [o.name for group in groups for o in group.things if o.protected]
    if excluded:
        return Fate.SPARED, f"excluded by {excluded}"
    if protected:
        return Fate.SPARED, f"protected: {', '.join(protected[:3])}{', ...' if len(protected) > 3 else ''}"
    if end is None or end > at:
        return Fate.DUE, "orphaned"
    if end + terms.grace > at:
        return Fate.SPARED, f"in its grace until {utc_text(end + terms.grace)}"
    return Fate.DUE, f"expired at {utc_text(end)}"


@dataclass(frozen=True, slots=True)
class Reaper:
    """Deletes what is due.

    `states` are the state directories that were looked at; a cluster that none of them knows gets a journal in the
    first one, so that a reaper that is killed goes on where it was.
    """

    terms: Terms
    states: Sequence[Path]
    listener: Callable[[Event], None]
    pace: Pace

    def reap(self, verdict: Verdict) -> Verdict:
        """Delete one cluster, unless it has been extended or is being worked on; return what became of it."""
        root, known = self._known(verdict.owner)
        state = home.store(root, verdict.owner)
        try:
            with state.lock(Holder.current()):
                return self._locked(verdict, ClusterState(state, now), known, root)
        except LockHeld as error:
            return replace(verdict, fate=Fate.SPARED, why=error.message)
        except PlanError as error:
            return replace(verdict, fate=Fate.SPARED, why=error.message)
        except ProvisionError as error:
            if error.exit_code == INTERRUPTED:
                raise
            return replace(verdict, fate=Fate.FAILED, why=error.message)

    def _locked(self, verdict: Verdict, state: ClusterState, known: home.Known | None, root: Path) -> Verdict:
        own = providers_for(known.providers, Path(known.spec).parent) if known else {}
        rounds = [({**own, **found}, self._seen({**own, **found}, verdict)) for found in _rounds(verdict.groups)]
        changed = self._spared_now(verdict, [thing for _, things in rounds for thing in things])
        if changed:
            return replace(verdict, fate=Fate.SPARED, why=changed)
        facts = {"why": verdict.why, "machines": sorted(o.name for g in verdict.groups for o in g.machines)}
        with audited("reap", verdict.owner, **facts, saved_per_hour=verdict.cost.per_hour):
            for providers, things in rounds:
                plan = ending.plan(verdict.owner, providers, state, things)
                ending.carry_out(plan, providers, state, self.listener, self.pace, root)
        return replace(verdict, fate=Fate.REAPED)

    def _seen(self, providers: dict[str, Provider], verdict: Verdict) -> list[Observed]:
        return observe(providers, verdict.owner, clock=now, pace=replace(self.pace, patience=PATIENCE))

    def _spared_now(self, verdict: Verdict, things: Sequence[Observed]) -> str:
        """Return why a cluster must not go after all, by its labels as they are under its lock; "" when it must."""
        end, moment = latest(things), now()
        expired = end is not None and end + self.terms.grace <= moment
        if not things or expired or (verdict.why == "orphaned" and (end is None or end > moment)):
            return ""
        return f"extended meanwhile, until {utc_text(end) if end else 'never'}"

    def _known(self, owner: Owner) -> tuple[Path, home.Known | None]:
        for root in self.states:
            for known in home.known(root):
                if known.owner == owner:
                    return root, known
        return self.states[0], None


def _rounds(groups: Iterable[Group]) -> Iterator[dict[str, Provider]]:
    """Yield providers by name; a cluster with things on two accounts of one platform takes two rounds."""
    rounds: list[dict[str, Provider]] = []
    for group in groups:
        free = next((r for r in rounds if group.account.provider_name not in r), None)
        if free is None:
            rounds.append(free := {})
        free[group.account.provider_name] = group.account.provider
    yield from rounds
