from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.etcd.discovery.faults import Fault
from provision.etcd.discovery.limits import Limits
from provision.etcd.discovery.registry import Registry

TOKENS = ("a" * 32, "b" * 32)
VALUE = "n1=http://10.0.0.1:2380"

operations = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.sampled_from(TOKENS), st.integers(-1, 11)),
        st.tuples(
            st.just("put"), st.sampled_from(TOKENS), st.sampled_from("cdef"), st.sampled_from([None, True, False])
        ),
        st.tuples(st.just("delete"), st.sampled_from(TOKENS), st.sampled_from("cdef")),
    ),
    max_size=40,
)


def run(registry, operation):
    """Do one operation; return its record, or None when it was refused."""
    try:
        match operation:
            case ("new", token, size):
                record = registry.creating(token, size, 0.0)
            case ("put", token, name, prev_exist):
                record = registry.writing(token, name, VALUE, prev_exist)
            case ("delete", token, name):
                record = registry.clearing(token, name)
    except Fault:
        return None
    registry.apply(record)
    return record


def state(registry):
    return registry.index, registry.tokens


@settings(max_examples=150)
@given(operations)
def test_replaying_the_records_or_their_snapshot_gives_the_same_registry(sequence):
    registry, replayed, restored = Registry(), Registry(), Registry()
    records = [record for operation in sequence if (record := run(registry, operation))]
    for record in records:
        replayed.apply(record)
    for record in registry.snapshot():
        restored.apply(record)
    assert state(replayed) == state(registry) == state(restored)


@settings(max_examples=150)
@given(operations)
def test_a_watcher_sees_each_write_in_order_or_is_told_to_read_anew(sequence):
    registry = Registry()
    for operation in [("new", TOKENS[0], 3), *sequence]:
        run(registry, operation)
    token = registry.token(TOKENS[0])
    if token.cleared:
        with pytest.raises(Fault, match="read the registry anew"):
            registry.next_after(TOKENS[0], token.cleared)
    since, seen = token.cleared + 1, []
    while node := registry.next_after(TOKENS[0], since):
        seen.append(node.modified)
        since = node.modified + 1
    assert seen == sorted(n.modified for n in token.nodes.values() if n.modified > token.cleared)


def made(size=3, **limits):
    registry = Registry(Limits(**limits))
    registry.apply(registry.creating(TOKENS[0], size, 0.0))
    return registry


def test_who_came_first_is_told_first_whatever_the_ids():
    registry = made()
    for name in ("f9", "01", "77"):
        registry.apply(registry.writing(TOKENS[0], name, VALUE, False))
    assert [node.name for node in registry.token(TOKENS[0]).ordered()] == ["f9", "01", "77"]


def test_an_update_keeps_its_place_and_a_set_loses_it():
    registry = made()
    for name in ("a", "b"):
        registry.apply(registry.writing(TOKENS[0], name, VALUE, False))
    registry.apply(registry.writing(TOKENS[0], "a", VALUE, True))
    assert [n.name for n in registry.token(TOKENS[0]).ordered()] == ["a", "b"]
    registry.apply(registry.writing(TOKENS[0], "a", VALUE, None))
    assert [n.name for n in registry.token(TOKENS[0]).ordered()] == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("_config", VALUE, 209),
        ("a/b", VALUE, 209),
        ("x" * 65, VALUE, 209),
        ("", VALUE, 209),
        ("a", "", 209),
        ("a", "n1", 209),
        ("a", "n1=ftp://10.0.0.1", 209),
        ("a", "n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380", 209),
        ("a", "n1=http://10.0.0.1:2380\n", 209),
        ("a", "n1=http://" + "x" * 5000, 209),
    ],
)
def test_what_no_etcd_would_register_is_refused(name, value, code):
    with pytest.raises(Fault) as caught:
        made().writing(TOKENS[0], name, value, False)
    assert caught.value.code == code


def test_two_peer_urls_of_one_member_are_accepted():
    value = "n1=http://10.0.0.1:2380&n1=https://[fd00::1]:2380"
    registry = made()
    written = registry.apply(registry.writing(TOKENS[0], "a", value, False))
    assert written.node.value == value


def test_registrations_of_one_token_are_bounded():
    registry = made(members=2)
    for name in "ab":
        registry.apply(registry.writing(TOKENS[0], name, VALUE, False))
    with pytest.raises(Fault, match="2 registrations"):
        registry.writing(TOKENS[0], "c", VALUE, False)
    assert registry.writing(TOKENS[0], "a", VALUE, None)["op"] == "set"


def test_old_tokens_make_room_and_young_ones_do_not():
    registry = made(max_tokens=1, keep=100.0)
    assert registry.stale(now=99.0) == []
    with pytest.raises(Fault, match="1 tokens exist"):
        registry.creating(TOKENS[1], 3, 99.0)
    for record in registry.stale(now=101.0):
        registry.apply(record)
    assert registry.creating(TOKENS[1], 3, 101.0)["op"] == "new"
