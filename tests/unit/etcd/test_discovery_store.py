from __future__ import annotations

import os
import resource
import stat
from contextlib import closing, contextmanager
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import JournalCorrupt, LockHeld, StateError
from provision.etcd.discovery import store as store_module
from provision.etcd.discovery.faults import Fault
from provision.etcd.discovery.limits import Limits
from provision.etcd.discovery.store import Store, one

VALUE = "n1=http://10.0.0.1:2380"


def register(store, token, *names):
    return store.commit([store.putting(token, name, VALUE, False) for name in names])


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path):
    with closing(Store(tmp_path)) as store:
        token = store.new(3)
        register(store, token, "a", "b")
        one(store.commit([store.deleting(token, "a")]))
        before = store.registry.index, store.registry.tokens
    with closing(Store(tmp_path)) as store:
        assert (store.registry.index, store.registry.tokens) == before
    assert stat.S_IMODE((tmp_path / "registry.log").stat().st_mode) == 0o600


def test_a_batch_is_one_sync_and_each_operation_has_its_own_result(tmp_path):
    with closing(Store(tmp_path)) as store:
        token = store.new(3)
        commits = store.commits
        first, again, missing = store.commit(
            [
                store.putting(token, "a", VALUE, False),
                store.putting(token, "a", VALUE, False),
                store.deleting(token, "b"),
            ]
        )
        assert (first.action, again.code, missing.code) == ("create", 105, 100)
        assert store.commits == commits + 1


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 400))
def test_a_kill_at_any_byte_loses_no_whole_record(tmp_path_factory, cut):
    directory = tmp_path_factory.mktemp("registry")
    lengths = []
    with closing(Store(directory)) as store:
        token = store.new(5)
        for name in "abc":
            register(store, token, name)
            lengths.append((directory / "registry.log").stat().st_size)
    size = lengths[-1]
    os.truncate(directory / "registry.log", max(0, size - cut))
    kept = sum(length <= size - cut for length in lengths)
    with closing(Store(directory)) as store:
        found = store.registry.tokens.get(token)
        assert len(found.nodes if found else ()) == kept
        again = store.new(1)
        register(store, again, "z")
    with closing(Store(directory)) as store:
        assert list(store.registry.token(again).nodes) == ["z"]


def test_damage_in_the_middle_stops_the_service_and_names_the_line(tmp_path):
    with closing(Store(tmp_path)) as store:
        store.new(3)
        store.new(5)
    log = tmp_path / "registry.log"
    log.write_bytes(log.read_bytes().replace(b'"size":3', b'"size":4'))
    with pytest.raises(JournalCorrupt, match=r"registry\.log:2 is damaged"):
        Store(tmp_path)
    with pytest.raises(JournalCorrupt):  # the failed start let go of its lock
        Store(tmp_path)


def test_a_format_of_the_future_is_not_guessed_at(tmp_path):
    from provision.etcd.discovery import log

    (tmp_path / "registry.log").write_bytes(log.encode({"provision-discovery": 2}))
    with pytest.raises(JournalCorrupt, match="format"):
        Store(tmp_path)


def test_two_services_cannot_share_a_directory(tmp_path):
    with closing(Store(tmp_path)), pytest.raises(LockHeld):
        Store(tmp_path)


def test_a_directory_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot hold the registry"):
        Store(tmp_path / "file" / "below")


@contextmanager
def files_no_larger_than(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_when_the_disk_refuses_nothing_half_done_is_seen_or_kept(tmp_path):
    with closing(Store(tmp_path)) as store:
        token = store.new(3)
        register(store, token, "a")
        before = deepcopy((store.registry.index, store.registry.tokens))
        with files_no_larger_than((tmp_path / "registry.log").stat().st_size + 20):
            results = register(store, token, "b", "c")
        assert [result.code for result in results] == [300, 300]
        assert (store.registry.index, store.registry.tokens) == before
        register(store, token, "d")
    with closing(Store(tmp_path)) as store:
        assert list(store.registry.token(token).nodes) == ["a", "d"]


def test_a_long_log_is_rewritten_and_says_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "COMPACT_AFTER", 20)
    with closing(Store(tmp_path)) as store:
        token = store.new(3)
        for _ in range(40):
            register(store, token, "a")
            one(store.commit([store.deleting(token, "a")]))
        register(store, token, "b")
        before = store.registry.index, store.registry.tokens
        lines = len((tmp_path / "registry.log").read_bytes().splitlines())
    assert lines < 30
    with closing(Store(tmp_path)) as store:
        assert (store.registry.index, store.registry.tokens) == before


def test_room_is_made_by_dropping_tokens_that_are_old(tmp_path):
    now = 1000.0
    with closing(Store(tmp_path, Limits(max_tokens=2, keep=50), clock=lambda: now)) as store:
        old = store.new(1)
        now = 1020.0
        young = store.new(1)
        with pytest.raises(Fault):
            store.new(1)
        now = 1060.0
        store.new(1)
        assert old not in store.registry.tokens
        assert young in store.registry.tokens
