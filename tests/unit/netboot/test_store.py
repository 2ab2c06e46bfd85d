"""The boot store and the index over it."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import LockHeld, StateError
from provision.netboot.entry import Artefact, Desired, Entry, Mode, Progress, State, Stranger, mac
from provision.netboot.index import Index
from provision.netboot.locked import alone
from provision.netboot.states import States, story
from provision.netboot.store import BootStore

KERNEL = Artefact("vmlinuz", "0" * 64, "/vmlinuz")


def entry(number: int, **changes) -> Entry:
    made = Entry(
        id=f"m{number}",
        cluster="demo",
        uid="u",
        kernel=KERNEL,
        nonce=f"{number:032x}",
        macs=(f"52:54:00:00:00:{number:02x}",),
        phone_home=f"{number + 1000:032x}",
    )
    return replace(made, **changes)


@pytest.fixture
def store(tmp_path):
    return BootStore(tmp_path)


def test_what_is_put_is_read(store):
    full = entry(
        1,
        rootfs=Artefact("rootfs.img", "1" * 64, "/r"),
        initrds=(Artefact("a", "2" * 64, "/a"), Artefact("b", "3" * 64, "/b")),
        mode=Mode.INSTALL,
        desired=Desired.WAIT,
        data={"labels": {"x": "y"}},
        args=("a=b",),
    )
    written = store.put(full, b"{}")
    assert store.get("m1") == written
    assert list(store.entries()) == [written]
    assert store.config(written) == b"{}"
    assert store.put(full) == written  # keeps the config
    newer = store.put(full, b"{ }")
    assert store.config(newer) == b"{ }"
    assert store.config(written) is None
    assert len(list((store.directory / "configs").iterdir())) == 1


def test_remove_takes_one_machine_and_no_other(store):
    store.put(entry(1, id="m"), b"1")
    other = store.put(entry(2, id="m-b"), b"2")
    store.remove("m")
    store.remove("m")
    assert list(store.entries()) == [other]
    assert store.config(other) == b"2"
    assert store.progress("m").state is State.UNKNOWN


def test_a_new_nonce_begins_a_new_story(store):
    store.put(entry(1), b"1")
    States(store.directory).write([Progress("m1", story(entry(1).nonce), State.UP)])
    assert store.progress("m1").state is State.UP
    store.put(entry(1, nonce="f" * 32))
    assert store.progress("m1").state is State.PENDING


def test_a_damaged_entry_is_named(store):
    store.put(entry(1), b"1")
    (store.directory / "machines" / "m1.json").write_text('{"id": 7}')
    with pytest.raises(StateError, match=r"m1 is damaged.*PV583"):
        store.get("m1")


def test_one_service_at_a_time(store):
    assert store.service() is None
    with alone(store.directory), pytest.raises(LockHeld), alone(store.directory):
        pass


def test_strangers_come_last_first(tmp_path):
    states = States(tmp_path)
    states.write(strangers=[Stranger("a", last=1.0), Stranger("b", last=2.0)])
    assert [s.mac for s in states.strangers()] == ["b", "a"]
    states.write(unseen=["b"])
    assert [s.mac for s in states.strangers()] == ["a"]


@pytest.mark.parametrize("bad", ["", "52:54", "52-54-00-00-00-0g", "52:54:00:00:00:00:00", "5 :54:00:00:00:00"])
def test_no_mac_address(bad):
    with pytest.raises(ValueError, match="is no MAC address"):
        mac(bad)
    assert mac("52-54-00-AB-CD-EF") == "52:54:00:ab:cd:ef"


def test_an_entry_of_a_later_version_is_read():
    data = json.loads(json.dumps(entry(1).to_json()))
    assert Entry.from_json({**data, "later": 1}) == entry(1)


CHANGES = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["put", "nonce", "mac", "remove"])), max_size=15)


@settings(max_examples=50)
@given(CHANGES)
def test_the_index_is_what_the_store_says(tmp_path_factory, changes):
    """After any changes, an index that followed them and one that reads all anew agree, and nothing old is found."""
    folder = tmp_path_factory.mktemp("store")
    store, index = BootStore(folder), Index(folder)
    for round_, (number, what) in enumerate(changes):
        changed = {"nonce": {"nonce": f"{round_ + 77:032x}"}, "mac": {"macs": (f"52:54:01:00:00:{round_ % 3:02x}",)}}
        if what == "remove":
            store.remove(f"m{number}")
        else:
            store.put(entry(number, **changed.get(what, {})), b"x", durable=False)
        if round_ % 3 == 0 and index.changed():
            index.take(index.scan())
    index.take(index.scan())
    fresh = Index(folder)
    fresh.take(fresh.scan())
    for each in (index, fresh):
        assert {m: k.entry for m, k in each.machines.items()} == {e.id: e for e in store.entries()}
        for known in each.machines.values():
            (address,) = known.entry.macs
            assert address in each.find(address).entry.macs
            assert each.by_phone(known.entry.phone_home) is known
        claimed = {e.macs[0] for e in store.entries()}
        for third in range(6):
            for address in (f"52:54:01:00:00:{third:02x}", f"52:54:00:00:00:{third:02x}"):
                assert bool(each.find(address)) == (address in claimed)


def test_nothing_is_read_while_nothing_changes(store):
    store.put(entry(1), b"x")
    index = Index(store.directory)
    index.take(index.scan())
    deadline = time.monotonic() + 10
    while index.changed():  # a directory that changed a moment ago is looked at once more
        assert time.monotonic() < deadline
        index.take(index.scan())
    assert not index.scan().found
