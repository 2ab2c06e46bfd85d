"""The order of changes and their guards, without etcd; tests/etcd has the real thing."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import PlanError, StateError
from provision.etcd import snapshot
from provision.etcd.client import EtcdError, Member
from provision.etcd.cluster import Cluster, persist
from provision.etcd.membership import check_removal, quorum
from provision.etcd.steps import Do, Step, steps


def voters(*names):
    return [Member(n, name, (f"http://{name}:2380",), (f"http://{name}:2379",)) for n, name in enumerate(names, 1)]


names = st.sets(st.sampled_from("abcdefg"))


@given(current=names, wanted=names, replace=names, dead=names)
def test_steps_lead_to_what_is_wanted_and_touch_each_member_once(current, wanted, replace, dead):
    order = steps(sorted(current), sorted(wanted), replace=replace, dead=dead)
    there = set(current)
    for step in order:
        match step.do:
            case Do.ADD:
                assert step.name not in there
                there.add(step.name)
            case Do.REMOVE:
                there.remove(step.name)
            case Do.REPLACE:
                assert step.name in there
                assert step.name in replace | dead
    assert there == wanted
    assert len({step.name for step in order}) == len(order)
    assert {s.name for s in order if s.do is Do.REPLACE} >= (dead | replace) & wanted & current


def test_the_dead_go_first_then_it_grows_then_it_is_renewed_then_it_shrinks():
    found = steps("abcd", "bce", replace="c", dead=("b", "d"))
    assert found == (
        Step(Do.REMOVE, "d"), Step(Do.REPLACE, "b"), Step(Do.ADD, "e"), Step(Do.REPLACE, "c"), Step(Do.REMOVE, "a"),
    )  # fmt: skip


@pytest.mark.parametrize(("size", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (9, 5)])
def test_quorum(size, needed):
    assert quorum(size) == needed


@given(size=st.integers(1, 7), answering=st.sets(st.integers(1, 7)), target=st.integers(1, 7))
def test_a_removal_that_is_allowed_leaves_a_quorum(size, answering, target):
    members = voters(*(str(n) for n in range(1, size + 1)))
    alive = {str(n) for n in answering if n <= size}
    left = {m.name for m in members} - {str(target)}
    safe = bool(left) and len(alive) >= quorum(size) and len(alive & left) >= quorum(len(left))
    if safe:
        check_removal(members, alive, str(target))
    else:
        with pytest.raises(PlanError):
            check_removal(members, alive, str(target))


def test_waiting_for_what_passes_ends_at_once_with_what_does_not():
    attempts = []

    def attempt():
        attempts.append(1)
        raise EtcdError("unhealthy" if len(attempts) < 3 else "no", code=14)

    with pytest.raises(EtcdError, match="no"):
        persist(attempt, lambda error: error.message == "unhealthy", deadline=float("inf"), poll=0)
    assert len(attempts) == 3


def test_a_cluster_that_nobody_answers_for():
    with pytest.raises(EtcdError, match="no endpoint"):
        Cluster({}).members()
    with pytest.raises(EtcdError, match="does not answer"):
        Cluster({"a": "http://127.0.0.1:1"}, timeout=1).members()
    assert Cluster({"a": "http://127.0.0.1:1"}, timeout=1).answering() == set()


class Source:
    """A member whose snapshot comes in these pieces."""

    url = "http://n1"

    def __init__(self, *blobs) -> None:
        self.blobs = blobs

    def snapshot(self):
        yield from self.blobs


def signed(data):
    return data + hashlib.sha256(data).digest()


@given(data=st.binary(min_size=1024, max_size=1024), cuts=st.lists(st.integers(0, 1056), max_size=6))
def test_a_whole_snapshot_is_kept_however_it_is_cut(tmp_path_factory, data, cuts):
    whole = signed(data)
    edges = [0, *sorted(cuts), len(whole)]
    blobs = [whole[a:b] for a, b in pairwise(edges)]
    path = tmp_path_factory.mktemp("snapshots") / "1.db"
    assert snapshot.save(Source(*blobs), path).size == len(whole)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damaged", [b"", signed(b"x" * 1024)[:-1], b"y" + signed(b"x" * 1024)[1:], b"x" * 1024])
def test_a_damaged_snapshot_is_refused_and_leaves_no_file(tmp_path, damaged):
    with pytest.raises(EtcdError, match="checksum"):
        snapshot.save(Source(damaged), tmp_path / "1.db")
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        snapshot.save(Source(signed(b"x" * 512)), tmp_path / "file" / "1.db")


def test_the_newest_snapshots_are_kept(tmp_path):
    for day in range(1, 6):
        (tmp_path / f"2026-01-0{day}.db").write_text("")
    removed = snapshot.prune(tmp_path, 2)
    assert [path.name for path in removed] == ["2026-01-01.db", "2026-01-02.db", "2026-01-03.db"]
    assert len(list(tmp_path.iterdir())) == 2
    assert snapshot.prune(tmp_path, 2) == []
