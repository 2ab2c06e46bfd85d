"""Changing the members of a running cluster, in small steps that may be repeated after a crash.

A member is replaced by `retire`, then a new machine with `admit`'s peers in its first-boot config, then `promote`, then
a wait for health. Steps are taken one at a time: before each, a quorum must be left whatever this one step loses.

A step that was cut off is taken again: what is gone already is retired, who was added and never started is admitted,
who votes already is promoted.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from provision.errors import PlanError, Unhealthy
from provision.etcd.client import EtcdError, Member
from provision.etcd.cluster import persist

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from provision.etcd.cluster import Cluster

ADD_SECONDS = 30.0
"""How long `admit` asks again: a young cluster calls itself unhealthy for about 5 s after any change (measured)."""

PROMOTE_SECONDS = 120.0

_PASSING = (
    "unhealthy cluster",
    "not enough started members",
    "can only promote a learner member which is in sync",
    "leader changed",
    "no leader",
    "timed out",
    "too many learner members",
)
"""What etcd says while it cannot yet do what it will be able to: texts of its v3rpc errors."""


def quorum(voters: int) -> int:
    """Return how many of so many voters must agree."""
    return voters // 2 + 1


def check_removal(members: Sequence[Member], answering: Set[str], name: str) -> None:
    """Refuse to remove a voter when those that are left and answer are no quorum of the rest.

    Args:
        members: the member list.
        answering: names of the members that answer and follow a leader.
        name: who is to go.

    Raises:
        PlanError: the cluster would lose its quorum, or its last voter.
    """
    voters = [m.name for m in members if not m.learner]
    left = [voter for voter in voters if voter != name]
    if not left:
        hint = "let the cluster grow to 3 voters first, or take it down and restore a snapshot"
        raise PlanError(f"{name} is the only voter: without it the data is lost", hint=hint)
    dead = ", ".join(sorted(set(left) - answering))
    alive = len(answering & set(left))
    if len(answering & set(voters)) < quorum(len(voters)):
        message = f"etcd has no quorum to remove {name}: {quorum(len(voters))} of {len(voters)} voters have to answer"
        raise PlanError(message, hint=f"bring back {dead} first")
    if alive < quorum(len(left)):
        message = f"without {name} only {alive} of {len(left)} voters answer, {quorum(len(left))} are needed"
        raise PlanError(message, hint=f"bring back {dead} first")


def retire(cluster: Cluster, name: str) -> None:
    """Remove a member, having taken the leadership from it; one that is not listed is gone already.

    Raises:
        PlanError: the quorum would be lost.
        EtcdError: etcd refused, or nobody answers.
    """
    members = cluster.members()
    for member in members:
        if member.name == name:
            check_removal(members, cluster.answering(), name)
            step_down(cluster, name)
            _remove(cluster, member)


def step_down(cluster: Cluster, name: str) -> None:
    """Hand the leadership from a member to another that answers, so that stopping it costs no election.

    A member that does not lead, or nobody to take over, changes nothing: the rest elect a leader by themselves.

    Raises:
        EtcdError: nobody answers.
    """
    members, answering = cluster.members(), cluster.answering()
    member = next((m for m in members if m.name == name), None)
    heir = next((m for m in members if m.name != name and not m.learner and m.name in answering), None)
    if member is None or heir is None or name not in answering or cluster.leader() != member.id:
        return
    with suppress(EtcdError), cluster.connect(name) as client:
        client.move_leader(heir.id)


def drop(cluster: Cluster, member: int) -> None:
    """Remove a member by its id: a ghost that has no name or endpoint. One that is not listed is gone already.

    Raises:
        EtcdError: etcd refused, or nobody answers.
    """
    for found in cluster.members():
        if found.id == member:
            _remove(cluster, found)


def admit(
    cluster: Cluster, name: str, peer_urls: Sequence[str], *, seconds: float = ADD_SECONDS
) -> dict[str, tuple[str, ...]]:
    """Add a machine as a learner; return all members' names and peer URLs, which `variables.joining` takes.

    Raises:
        PlanError: a member with one of these URLs runs already.
        EtcdError: etcd refused until the time was over, or nobody answers.
    """

    def attempt() -> Member:
        for member in cluster.members():
            if set(member.peer_urls) & set(peer_urls):
                return _unstarted(member)
        return cluster.ask(lambda client: client.add(peer_urls))

    added = persist(attempt, _passes_for_adding, time.monotonic() + seconds)
    return {(name if m.id == added.id else m.name): m.peer_urls for m in cluster.members()}


def promote(cluster: Cluster, name: str, *, seconds: float = PROMOTE_SECONDS) -> None:
    """Make a learner a voter once it has caught up; one that votes already is left as it is.

    Raises:
        Unhealthy: it did not start or catch up in time.
        EtcdError: etcd refused, or nobody answers.
    """

    def attempt() -> None:
        found = next((m for m in cluster.members() if m.name == name), None)
        if found is None:
            raise EtcdError(f"{name} has not joined yet")
        if found.learner:
            cluster.ask(lambda client: client.promote(found.id))

    try:
        persist(attempt, _passes, time.monotonic() + seconds)
    except EtcdError as error:
        if not _passes(error):
            raise
        hint = f"look at its console: `provision console {name}`"
        raise Unhealthy(f"{name} did not become a voter within {seconds:.0f} s: {error.message}", hint=hint) from error


def _remove(cluster: Cluster, member: Member) -> None:
    def attempt() -> None:
        try:
            cluster.ask(lambda client: client.remove(member.id), avoid=member.name)
        except EtcdError as error:
            if "member not found" not in error.message:
                raise

    persist(attempt, _passes, time.monotonic() + ADD_SECONDS)


def _unstarted(member: Member) -> Member:
    if member.started:
        hint = "retire it first, or give the new machine another address"
        raise PlanError(f"{member.name} runs already at {', '.join(member.peer_urls)}", hint=hint)
    return member


def _passes_for_adding(error: EtcdError) -> bool:
    # A member's id is a hash of its URLs and of the second in which it is added: one that is removed and added again
    # within a second has the id of the removed one, which etcd then does not find (observed).
    return _passes(error) or "member not found" in error.message


def _passes(error: EtcdError) -> bool:
    return not error.code or any(text in error.message for text in _PASSING)
