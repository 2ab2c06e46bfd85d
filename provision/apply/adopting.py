"""Lost state, rebuilt from labels: the lock's uid, when the cluster's life began, and what runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from provision.apply import forming
from provision.apply.kept import kept
from provision.apply.observe import observe
from provision.apply.session import LIFE, now, providers_for
from provision.errors import UsageError
from provision.model import Owner, utc_text
from provision.plan.model import Action
from provision.spec import load
from provision.spec import lock as locks
from provision.state import records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from provision.apply.session import Session
    from provision.diagnostics import Diagnostic
    from provision.plan.model import Step
    from provision.state.fold import Entry


def find_lock(spec: str) -> Path | None:
    """Write the lock beside a spec that has none, with the uid under which its name runs; return its path then.

    Raises:
        UsageError: nothing runs under that name, or it runs under several uids.
        SpecError, ProviderError, StateError: the spec is wrong, a platform cannot be asked, the lock cannot be written.
    """
    cluster, path = load.load(spec), locks.path_for(spec)
    if locks.read(path) is not None:
        return None
    found = observe(providers_for(cluster.providers, cluster.directory), Owner(cluster.name, ""), clock=now)
    uids = sorted({o.labels.uid for o in found if o.labels})
    if len(uids) != 1:
        what = f"under several uids: {', '.join(uids)}" if uids else "nowhere"
        raise UsageError(f"{cluster.name} runs {what}", hint="restore the lock from git")
    locks.create(path, replace(locks.Lock.fresh(cluster), uid=uids[0]))
    return path


def adopt_all(session: Session) -> tuple[list[Entry], Sequence[Diagnostic]]:
    """Record everything of a cluster that runs, is wanted, and is not recorded; return it, and warnings.

    Raises:
        SpecError, PlanError, ProviderError, StateError: see `Session`.
    """
    plan = session.plan(session.desired())
    steps = [s for s in plan.steps if s.action is Action.ADOPT and s.observed]
    entries = [kept(session.state, s, s.observed) for s in steps if s.observed]
    if not entries:
        return [], ()
    notes = [records.note(LIFE, {"begun": begun})] if (begun := _begun(session, steps)) else []
    session.state.journal.append([*(records.adopted(e) for e in entries), *notes])
    if any(s.etcd for s in steps) and not forming.read(session.state.store).generation:
        # They found each other long ago; whoever joins them does so as a member, not by a token.
        forming.write(session.state.store, forming.Forming(generation=1, formed=True))
    return entries, plan.findings


def _begun(session: Session, steps: list[Step]) -> str:
    """Return when the cluster's life began, by the deadline on its labels: losing the state must not lengthen it."""
    labels = (s.observed.labels for s in steps if s.observed)
    deadlines = [label.deadline for label in labels if label and label.deadline]
    ttl = session.cluster.ttl
    if session.state.recorded.notes.get(LIFE) or ttl is None or not deadlines:
        return ""
    return utc_text(min(deadlines) - timedelta(seconds=ttl))
