from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.model import Labels, Owner
from provision.roster import by_index
from provision_ec2 import tags

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
LABELS = Labels("demo", UID, "demo-core-1", 1, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")

names = st.from_regex(r"[a-z]([a-z0-9-]{0,60}[a-z0-9])?", fullmatch=True)
numbered = st.builds(lambda stem, n: f"{stem}-{n}", st.sampled_from(["web", "demo-core", "a"]), st.integers(0, 120))
rosters = st.lists(st.tuples(names | numbered, st.integers(1, 9)), min_size=1, max_size=100)


@settings(max_examples=200)
@given(rosters)
def test_a_roster_comes_back_in_its_order(machines: list[tuple[str, int]]) -> None:
    written = tags.roster(machines)
    assert tags.members(written) == machines
    assert all(len(value) <= tags.VALUE_LIMIT for value in written.values())


@settings(max_examples=100)
@given(st.lists(names | numbered, min_size=2, max_size=100, unique=True))
def test_every_machine_of_a_batch_finds_its_labels_by_its_launch_index(batch: list[str]) -> None:
    order = by_index(replace(LABELS, machine=name) for name in batch)
    written = tags.written(order)
    assert [tags.read(written, index) for index in range(len(order))] == order
    assert {each.machine for each in order} == set(batch)


def test_neighbouring_numbers_are_one_word() -> None:
    machines = [(f"web-{n}", 1) for n in range(1, 51)]
    assert tags.roster(machines) == {"provision:machines": "web-1..50@1"}
    assert tags.roster([("web-1", 1), ("web-2", 2), ("web-3", 2), ("db", 1)]) == {
        "provision:machines": "web-1@1 web-2..3@2 db@1"
    }


def test_a_number_that_would_change_its_spelling_stays_a_name() -> None:
    assert tags.roster([("web-01", 1), ("web-02", 1)]) == {"provision:machines": "web-01@1 web-02@1"}


def test_a_hundred_long_names_take_several_tags_but_fewer_than_ec2_allows() -> None:
    machines = [("x" * 30 + "abcdefghij"[n % 10] + "x" * 30 + "abcdefghij"[n // 10], 1) for n in range(100)]
    written = tags.roster(machines)
    assert 1 < len(written) <= 50 - 8
    assert tags.members(written) == machines


def test_machines_take_their_index_in_the_order_of_their_numbers() -> None:
    order = by_index(replace(LABELS, machine=f"web-{n}") for n in (10, 9, 2))
    assert [each.machine for each in order] == ["web-2", "web-9", "web-10"]


def test_alone_a_machine_has_plain_labels_that_any_tool_reads() -> None:
    written = tags.written([LABELS])
    assert written["provision:machine"] == "demo-core-1"
    assert written["provision:generation"] == "1"
    assert written["Name"] == "demo-core-1"
    assert tags.read(written) == LABELS


def test_what_lacks_a_label_is_not_ours() -> None:
    written = tags.written([LABELS])
    del written["provision:owner"]
    assert tags.read(written) is None
    assert tags.read(tags.written([LABELS, replace(LABELS, machine="b")]), 2) is None
    assert tags.read({"Name": "somebody's"}) is None


def test_a_changed_deadline_is_one_tag() -> None:
    later = LABELS.expiring("2028-01-01T00:00:00Z")
    assert tags.changed(LABELS, later, batch=True) == {"provision:expires": "2028-01-01T00:00:00Z"}
    assert tags.changed(LABELS, LABELS, batch=False) == {}


def test_filters_narrow_by_cluster_uid_and_name() -> None:
    def keys(owner: Owner | None, name: str = "") -> list[str]:
        return [each["Name"] for each in tags.filters(owner, name)]

    assert keys(None) == ["tag-key"]
    assert keys(Owner("demo", "")) == ["tag:provision:cluster"]
    assert keys(Owner("demo", UID), "n") == ["tag:provision:cluster", "tag:provision:uid", "tag:provision:machine"]


def test_ranges_stay_within_one_generation() -> None:
    machines = [(f"w-{n}", 1 + n // 3) for n in range(9)]
    words = tags.roster(machines)["provision:machines"].split()
    assert len(words) == len(list(groupby(machines, key=lambda m: m[1])))
