"""Whether an etcd cluster is what was asked for: not merely alive, but these members, all of them, and able to write.

etcd's own ``/health`` says true with a ghost in the member list (a voter that registered and died before the cluster
formed), and then one more loss ends the quorum. So health here means: every endpoint answers, all list the same
members, these are exactly the expected names, each has started and votes, all follow one leader, and a key written
through one member is read through the others.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.etcd.client import EtcdClient, EtcdError, Member, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence, Set
    from typing import TypeAlias

    from provision.etcd.tls import Tls
    from provision.model import Json

    Connect: TypeAlias = Callable[[str], EtcdClient]

TIMEOUT = 3.0
POLL = 0.5
PROBE_KEY = "provision/health/"


@dataclass(frozen=True, slots=True)
class Report:
    """What one endpoint said; `error` is set when it did not answer."""

    name: str
    url: str
    status: Status | None = None
    members: tuple[Member, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict. `problems` says in words what is wrong, worst first; empty means healthy.

    `leader` is the leader's name, "" when the members do not agree on one. `members` is the list that the members
    agree on, or the first one told when they do not.
    """

    problems: tuple[str, ...]
    leader: str = ""
    members: tuple[Member, ...] = ()
    reports: tuple[Report, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> Json:
        """Return the documented JSON form."""
        return {
            "healthy": self.ok,
            "problems": list(self.problems),
            "leader": self.leader,
            "members": [_member_json(self, member) for member in self.members],
        }


def check(
    endpoints: Mapping[str, str], expected: Set[str], *, tls: Tls | None = None, timeout: float = TIMEOUT
) -> Health:
    """Ask every member and judge; takes at most a few times `timeout` seconds. Never raises for what etcd says.

    Args:
        endpoints: member name -> base URL of its client port, as this computer reaches it.
        expected: the names that the member list must have, neither more nor fewer.
        tls: for https.
        timeout: seconds for each phase of a request.
    """

    def connect(url: str) -> EtcdClient:
        return EtcdClient(url, tls=tls, timeout=timeout)

    with ThreadPoolExecutor(max_workers=max(1, len(endpoints))) as pool:
        reports = tuple(pool.map(lambda name: ask(name, endpoints[name], connect), sorted(endpoints)))
    verdict = judge(reports, expected)
    if verdict.ok:
        problems = write_and_read([report.url for report in reports], connect)
        return Health(problems, verdict.leader, verdict.members, reports)
    return verdict


def ask(name: str, url: str, connect: Connect) -> Report:
    """Return what one endpoint says of itself and of the members."""
    try:
        with connect(url) as client:
            status = client.status()
            # A learner answers for itself, and refuses to list the members.
            return Report(name, url, status, () if status.learner else client.members())
    except EtcdError as error:
        reason = error.message.removeprefix(f"etcd at {url}").removeprefix(" does not answer").removeprefix(": ")
        return Report(name, url, error=reason)


def judge(reports: Sequence[Report], expected: Set[str]) -> Health:
    """Compare what the endpoints said with each other and with what is expected. Pure."""
    answered = [report for report in reports if report.status is not None]
    listing = [report for report in answered if report.status and not report.status.learner]
    lists = {report.members for report in listing}
    members = listing[0].members if listing else ()
    leaders = {report.status.leader for report in answered if report.status}
    leader = next((m.name for m in members if leaders == {m.id}), "")
    problems = [
        *_silent(reports, expected, members),
        *_disagreeing(listing, lists),
        *_wrong_members(members, expected),
        *_leaderless(answered, leaders, leader),
        *_mixed_up(answered),
    ]
    return Health(tuple(problems), leader, members, tuple(reports))


def write_and_read(urls: Sequence[str], connect: Connect) -> tuple[str, ...]:
    """Write a key of our own through the first member, read it through each, delete it; return what failed."""
    key, value = PROBE_KEY + secrets.token_hex(8), secrets.token_hex(8)
    try:
        with connect(urls[0]) as first:
            first.put(key, value)
            wrong = [
                f"{url} does not return a key that was written through {urls[0]}"
                for url in urls
                if _read(connect, url, key) != value
            ]
            first.delete(key)
    except EtcdError as error:
        return (f"a key cannot be written and read: {error.message}",)
    return tuple(wrong)


def wait(
    look: Callable[[], Health],
    *,
    deadline: float,
    on_change: Callable[[Health], None] = lambda _: None,
    poll: float = POLL,
) -> Health:
    """Look until the cluster is healthy or the deadline passes; return the last verdict, healthy or not.

    Args:
        look: usually `check` with its arguments bound.
        deadline: on `time.monotonic`'s clock, in seconds.
        on_change: called with the first verdict and with each that differs from the one before.
        poll: seconds between looks.
    """
    shown: tuple[str, ...] | None = None
    while True:
        health = look()
        if health.problems != shown:
            shown = health.problems
            on_change(health)
        if health.ok or time.monotonic() + poll >= deadline:
            return health
        time.sleep(poll)


def _read(connect: Connect, url: str, key: str) -> str | None:
    with connect(url) as client:
        return client.get(key)


def _silent(reports: Sequence[Report], expected: Set[str], members: Sequence[Member]) -> list[str]:
    unasked = sorted(expected - {report.name for report in reports})
    problems = [f"{name} has no endpoint to ask" for name in unasked]
    problems += [f"{report.name} does not answer: {report.error}" for report in reports if report.status is None]
    voters = sum(not m.learner for m in members) or len(expected)
    answering = sum(report.status is not None for report in reports)
    if answering < voters // 2 + 1:
        problems.insert(0, f"no quorum: {answering} of {voters} voters answer, {voters // 2 + 1} are needed")
    return problems


def _disagreeing(answered: Sequence[Report], lists: Set[tuple[Member, ...]]) -> list[str]:
    clusters = {report.status.cluster for report in answered if report.status}
    if len(clusters) > 1:
        names = ", ".join(f"{r.name} in {r.status.cluster:x}" for r in answered if r.status)
        return [f"the members run {len(clusters)} separate clusters: {names}"]
    if len(lists) > 1:
        return [
            "the members do not agree on the member list: "
            + "; ".join(f"{r.name} lists {_names(r.members)}" for r in answered)
        ]
    return []


def _wrong_members(members: Sequence[Member], expected: Set[str]) -> list[str]:
    if not members:
        return []
    names = Counter(member.name for member in members)
    problems = [f"{name} is not in the member list" for name in sorted(expected - names.keys())]
    problems += [f"{count} members are named {name}" for name, count in names.items() if name and count > 1]
    return problems + [wrong for member in members if (wrong := _wrong_member(member, expected))]


def _wrong_member(member: Member, expected: Set[str]) -> str:
    where = f"{member.name or 'a member'} at {','.join(member.peer_urls)} (id {member.hex_id})"
    if member.started and member.name not in expected:
        return f"{where} is a member and should not be"
    if not member.started:
        return f"{where} is a ghost: it is listed and has never started"
    return f"{where} is a learner and does not vote yet" if member.learner else ""


def _leaderless(answered: Sequence[Report], leaders: Set[int], leader: str) -> list[str]:
    if not answered or leader:
        return []
    if leaders == {0}:
        return ["no member knows a leader"]
    told = ", ".join(f"{r.name} follows {r.status.leader:x}" for r in answered if r.status)
    return [f"the members do not agree on a leader: {told}"]


def _mixed_up(answered: Sequence[Report]) -> list[str]:
    """An endpoint that is another member than its name says: a tunnel or address to the wrong machine."""
    named = ((r, next((m.name for m in r.members if r.status and m.id == r.status.member), "")) for r in answered)
    return [f"the endpoint of {r.name} ({r.url}) is {name}" for r, name in named if name and name != r.name]


def _names(members: Sequence[Member]) -> str:
    return ", ".join(member.name or f"(not started: {member.hex_id})" for member in members)


def _member_json(health: Health, member: Member) -> Json:
    status = next((r.status for r in health.reports if r.status and r.status.member == member.id), None)
    return {
        "id": member.hex_id,
        "name": member.name,
        "peer_urls": list(member.peer_urls),
        "client_urls": list(member.client_urls),
        "started": member.started,
        "learner": member.learner,
        "leader": bool(status and status.leader == member.id),
        "answers": status is not None,
        "version": status.version if status else None,
        "db_size": status.db_size if status else None,
    }
