from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from provision.errors import LockHeld, StateError
from provision.state.local import LocalStore
from provision.state.lock import Holder
from provision.state.store import ABSENT

if TYPE_CHECKING:
    from pathlib import Path

ME = Holder(1, "host", "ada", "provision up", "2026-01-02T03:04:05Z")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "state")


def test_get_and_put(store: LocalStore) -> None:
    assert store.get("pki/ca.key") is None
    version = store.put("pki/ca.key", b"secret")
    assert store.get("pki/ca.key") == (b"secret", version)
    assert store.list() == ["pki/ca.key"]
    assert store.list("requests/") == []
    store.delete("pki/ca.key")
    store.delete("pki/ca.key")
    assert store.list() == []


def test_everything_is_private(store: LocalStore) -> None:
    old = os.umask(0)
    try:
        store.put("requests/a.json", b"{}")
        store.append("journal.jsonl", b"x\n", 0)
        with store.lock(ME):
            modes = {p: p.stat().st_mode & 0o777 for p in (store.root, *store.root.rglob("*"))}
    finally:
        os.umask(old)
    assert {m for p, m in modes.items() if p.is_dir()} == {0o700}
    assert {m for p, m in modes.items() if p.is_file()} == {0o600}


def test_put_if_version(store: LocalStore) -> None:
    first = store.put("k", b"1", expect=ABSENT)
    with pytest.raises(StateError, match="another run changed k"):
        store.put("k", b"2", expect=ABSENT)
    second = store.put("k", b"2", expect=first)
    with pytest.raises(StateError):
        store.put("k", b"3", expect=first)
    assert store.get("k") == (b"2", second)


def test_of_many_writers_one_wins(store: LocalStore) -> None:
    store.put("k", b"0")
    blob = store.get("k")
    assert blob
    won: list[int] = []

    def write(number: int) -> None:
        try:
            store.put("k", b"%d" % number, expect=blob.version)
        except StateError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.get("k")[0] == b"%d" % won[0]  # type: ignore[index]


def test_append_adds_all_or_nothing(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.append("log", b"one\n", 0) == 4
    with pytest.raises(StateError, match="another run wrote"):
        store.append("log", b"two\n", 0)

    def full(fd: int, data: bytes, at: int) -> int:
        if len(data) > 2:
            return original(fd, bytes(data[:2]), at)
        raise OSError(errno.ENOSPC, "No space left on device")

    original = os.pwrite
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StateError, match="No space left on device") as caught:
        store.append("log", b"two\n", 4)
    assert caught.value.hint
    monkeypatch.undo()
    assert store.get("log")[0] == b"one\n"  # type: ignore[index]
    assert store.append("log", b"two\n", 4) == 8


def test_a_failed_put_keeps_the_old_value(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("k", b"old")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError):
        store.put("k", b"new")
    monkeypatch.undo()
    assert store.get("k")[0] == b"old"  # type: ignore[index]
    assert [p.name for p in store.root.iterdir()] == ["k"]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", ".lock", "a//b", "a/"])
def test_keys_stay_in_the_directory(store: LocalStore, key: str) -> None:
    with pytest.raises(StateError, match="is not a key"):
        store.put(key, b"")


def test_who_takes_the_lock_removes_what_a_killed_run_left(store: LocalStore) -> None:
    store.put("requests/a.json", b"{}")
    (store.root / "requests" / ".tmp-1-ab").write_bytes(b"half")
    assert store.list() == ["requests/a.json"]
    with store.lock(ME):
        pass
    assert [p.name for p in (store.root / "requests").iterdir()] == ["a.json"]


def test_the_lock_names_its_holder(store: LocalStore) -> None:
    with store.lock(ME), pytest.raises(LockHeld, match=r"'provision up' \(pid 1, ada@host, since 2026-01-02T"):
        store.lock(ME).__enter__()
    with store.lock(ME):
        pass


def test_readers_share_and_keep_writers_out(store: LocalStore) -> None:
    with store.lock(ME, mode="shared"), store.lock(ME, mode="shared"), pytest.raises(LockHeld, match="only reads"):
        store.lock(ME).__enter__()
    with store.lock(ME), pytest.raises(LockHeld):
        store.lock(ME, mode="shared").__enter__()


def test_a_waiter_gets_the_lock_when_it_is_free(store: LocalStore) -> None:
    held, told, done = store.lock(ME), [], threading.Event()
    held.__enter__()

    def wait() -> None:
        with store.lock(ME, timeout=20, waiting=told.append):
            done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    while not told:
        assert thread.is_alive()
    assert not done.is_set()
    held.__exit__(None, None, None)
    assert done.wait(20)
    thread.join()
    assert told == [ME]


def test_a_removed_state_is_not_locked_twice(store: LocalStore) -> None:
    """`down` may remove the directory while another run waits: that run must lock the new file, not the old one."""
    held = store.lock(ME)
    held.__enter__()
    (store.root / ".lock").unlink()
    with store.lock(ME):
        held.__exit__(None, None, None)
        with pytest.raises(LockHeld):
            store.lock(ME).__enter__()
