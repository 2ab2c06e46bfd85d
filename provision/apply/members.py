"""A running etcd cluster changes around one run of the engine: one voter leaves, joins, or is made anew.

Before the engine: a snapshot is taken, the voter that goes is retired, the one that comes is admitted as a learner, so
that its first-boot config can name all members. After it: the learner is promoted. Every step may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.etcd import membership, snapshot
from provision.plan.model import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from provision.etcd.cluster import Cluster
    from provision.plan.model import Plan, Step

SNAPSHOTS_KEPT = 5
MOVES = (Action.CREATE, Action.REPLACE, Action.DELETE)


@dataclass(frozen=True, slots=True)
class Shift:
    """Who leaves and who joins, by name; "" for nobody. Both are the same when a voter is made anew."""

    leaving: str = ""
    joining: str = ""

    @classmethod
    def of(cls, plan: Plan) -> Shift:
        """Return what a plan does to a formed cluster; the plan holds one such step at most."""
        step = next((s for s in plan.steps if moves(s)), None)
        if step is None:
            return cls()
        leaves = step.action is not Action.CREATE or not step.resend
        return cls(step.key.name if leaves else "", "" if step.action is Action.DELETE else step.key.name)

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.leaving or self.joining)


def moves(step: Step) -> bool:
    """Whether a step takes a voter away or brings one."""
    return step.etcd and not step.deferred and step.action in MOVES


def expected(plan: Plan) -> set[str]:
    """Return the voters that there are once the plan is carried out."""
    return {
        s.key.name
        for s in plan.steps
        if s.etcd and s.action is not Action.DELETE and not (s.deferred and s.observed is None)
    }


def prepare(
    shift: Shift,
    cluster: Cluster,
    peer_url: str,
    snapshots: Path,
    moment: datetime,
    tell: Callable[[str], None],
) -> Mapping[str, Sequence[str]]:
    """Make room for a shift; return all members' peer URLs, as a joining machine needs them.

    Args:
        shift: what changes.
        cluster: the members as they are.
        peer_url: of the voter that joins.
        snapshots: the directory of the cluster's snapshots.
        moment: now, in UTC; names the snapshot.
        tell: is given a line for each step.

    Raises:
        PlanError: the quorum would be lost.
        EtcdError, StateError: etcd refused, or the snapshot cannot be written; nothing was removed then.
    """
    if not shift:
        return {}
    saved = cluster.ask(lambda client: snapshot.save(client, snapshots / f"{moment:%Y%m%dT%H%M%SZ}{snapshot.SUFFIX}"))
    snapshot.prune(snapshots, SNAPSHOTS_KEPT)
    tell(f"etcd: snapshot of {saved.size} bytes in {saved.path}")
    if shift.leaving in {member.name for member in cluster.members()}:
        membership.retire(cluster, shift.leaving)
        tell(f"etcd: {shift.leaving} is no longer a member")
    if not shift.joining:
        return {}
    peers = membership.admit(cluster, shift.joining, [peer_url])
    tell(f"etcd: {shift.joining} is admitted as a learner")
    return peers


def finish(cluster: Cluster, names: set[str], tell: Callable[[str], None]) -> None:
    """Promote the learners that a run, this or an interrupted one, has brought.

    Args:
        cluster: the members, the new one included.
        names: the voters that there shall be.
        tell: is given a line for each promotion.

    Raises:
        Unhealthy: a learner does not start or catch up in time.
        EtcdError: etcd refused.
    """
    voting = {m.name for m in cluster.members() if not m.learner}
    for name in sorted(names - voting):
        membership.promote(cluster, name)
        tell(f"etcd: {name} votes")
