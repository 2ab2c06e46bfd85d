from __future__ import annotations

import time
from dataclasses import replace

import pytest

from provision.etcd.client import Member, Status
from provision.etcd.health import Health, Report, check, judge, wait

NAMES = ("n1", "n2", "n3")
MEMBERS = tuple(Member(i, f"n{i}", (f"http://10.0.0.{i}:2380",), (f"http://10.0.0.{i}:2379",)) for i in (1, 2, 3))


def status(member, **changes):
    base = Status(member, cluster=9, leader=1, version="3.4.23", term=2, index=8, applied=8, db_size=20480)
    return replace(base, **changes)


def reports(members=MEMBERS, **changes):
    return [Report(f"n{i}", f"http://n{i}", status(i, **changes), members) for i in (1, 2, 3)]


def test_all_is_well():
    verdict = judge(reports(), set(NAMES))
    assert verdict.ok
    assert verdict.leader == "n1"


GHOST = replace(MEMBERS[2], client_urls=())
UNNAMED = replace(MEMBERS[2], name="", client_urls=())

CASES = {
    "one silent": ([*reports()[:2], Report("n3", "http://n3", error="refused")], NAMES, "n3 does not answer: refused"),
    "no quorum": (
        [reports()[0], *(Report(n, n, error="refused") for n in NAMES[1:])],
        NAMES,
        "no quorum: 1 of 3 voters answer, 2 are needed",
    ),
    "nobody answers": ([Report(n, n, error="refused") for n in NAMES], NAMES, "no quorum: 0 of 3"),
    "ghost": (reports((*MEMBERS[:2], GHOST)), NAMES, "n3 at http://10.0.0.3:2380 (id 3) is a ghost"),
    "added, never started": (
        reports((*MEMBERS[:2], UNNAMED)),
        NAMES,
        "a member at http://10.0.0.3:2380 (id 3) is a ghost",
    ),
    "missing": (reports(MEMBERS[:2]), NAMES, "n3 is not in the member list"),
    "surplus": (reports(), NAMES[:2], "n3 at http://10.0.0.3:2380 (id 3) is a member and should not be"),
    "learner": (reports((*MEMBERS[:2], replace(MEMBERS[2], learner=True))), NAMES, "is a learner"),
    "double": (reports((*MEMBERS, replace(MEMBERS[2], id=4))), NAMES, "2 members are named n3"),
    "no endpoint": (reports()[:2], NAMES, "n3 has no endpoint to ask"),
    "no leader": (reports(leader=0), NAMES, "no member knows a leader"),
    "two leaders": (
        [*reports()[:2], replace(reports()[2], status=status(3, leader=3))],
        NAMES,
        "do not agree on a leader: n1 follows 1, n2 follows 1, n3 follows 3",
    ),
    "two lists": (
        [*reports()[:2], replace(reports()[2], members=MEMBERS[:2])],
        NAMES,
        "do not agree on the member list: n1 lists n1, n2, n3; n2 lists n1, n2, n3; n3 lists n1, n2",
    ),
    "two clusters": (
        [*reports()[:2], replace(reports()[2], status=status(3, cluster=10))],
        NAMES,
        "run 2 separate clusters: n1 in 9, n2 in 9, n3 in a",
    ),
    "crossed": (
        [replace(reports()[0], status=status(2)), *reports()[1:]],
        NAMES,
        "the endpoint of n1 (http://n1) is n2",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said(case):
    told, expected, words = CASES[case]
    verdict = judge(told, set(expected))
    assert not verdict.ok
    assert any(words in problem for problem in verdict.problems), verdict.problems


def test_json_holds_every_member():
    data = judge(reports(), set(NAMES)).to_json()
    assert data["healthy"]
    assert [m["name"] for m in data["members"] if m["leader"]] == ["n1"]


def test_waiting_tells_of_changes_only_and_stops_when_healthy():
    verdicts = iter([Health(("a",)), Health(("a",)), Health(("b",)), Health(())])
    told = []
    found = wait(lambda: next(verdicts), deadline=time.monotonic() + 60, on_change=told.append, poll=0)
    assert found.ok
    assert [h.problems for h in told] == [("a",), ("b",), ()]


def test_waiting_ends_at_the_deadline_with_what_is_wrong():
    assert wait(lambda: Health(("bad",)), deadline=time.monotonic(), poll=0.01).problems == ("bad",)


def test_who_does_not_answer_is_said_once_with_the_reason():
    verdict = check({"n1": "http://127.0.0.1:1"}, {"n1"}, timeout=1)
    assert verdict.problems[1] == "n1 does not answer: [Errno 111] Connection refused"
