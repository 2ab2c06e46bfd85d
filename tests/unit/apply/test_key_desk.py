from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provision.apply.key_desk import FETCHED, WINDOW, KeyDesk
from provision.errors import StateError
from provision.pki.authority import Pair
from provision.state.local import LocalStore

NONCE = "a" * 32


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def desk(store, clock, *, known=True):
    made = []

    def issue(name):
        made.append(name)
        return Pair(b"certificate\n", f"key {len(made)}\n".encode()) if known else None

    return KeyDesk({NONCE: "demo-core-1"}, issue, store, clock)


def test_a_key_is_handed_to_its_nonce_alone(tmp_path, clock):
    found = desk(LocalStore(tmp_path), clock)
    assert found.answer(NONCE) == (200, b"certificate\nkey 1\n")
    assert found.answer("b" * 32)[0] == 404


def test_a_lost_answer_strands_nobody_and_each_answer_is_another_key(tmp_path, clock):
    found = desk(LocalStore(tmp_path), clock)
    found.answer(NONCE)
    clock.now += WINDOW
    assert found.answer(NONCE) == (200, b"certificate\nkey 2\n")


def test_a_nonce_is_spent_a_while_after_its_first_use_whichever_run_saw_that(tmp_path, clock):
    desk(LocalStore(tmp_path), clock).answer(NONCE)
    clock.now += WINDOW + timedelta(seconds=1)
    assert desk(LocalStore(tmp_path), clock).answer(NONCE)[0] == 410


def test_while_the_address_is_not_known_nothing_is_spent(tmp_path, clock):
    assert desk(LocalStore(tmp_path), clock, known=False).answer(NONCE)[0] == 503
    assert LocalStore(tmp_path).get(FETCHED) is None


def test_nothing_is_handed_out_that_cannot_be_remembered(tmp_path, clock, monkeypatch):
    def full(*_):
        raise StateError("no space left")

    store = LocalStore(tmp_path)
    monkeypatch.setattr(type(store), "put", full)
    with pytest.raises(StateError):
        desk(store, clock).answer(NONCE)
