"""Labels in OpenStack's three spellings come back as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.model import Labels, Owner
from provision_openstack import labels

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
OURS = Labels("demo", UID, "demo-w-1", 2, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@settings(max_examples=100)
@given(owner=TEXT, generation=st.integers(0, 999))
def test_descriptions_come_back(owner: str, generation: int) -> None:
    ours = replace(OURS, owner=owner, generation=generation)
    assert labels.described(labels.description(ours)) == ours


def test_a_description_is_readable() -> None:
    assert labels.description(OURS) == (
        f"provision?cluster=demo&uid={UID}&machine=demo-w-1&generation=2&owner=you@example.com"
        "&expires=2027-01-01T00:00:00Z&spec=0123456789abcdef"
    )
    long = replace(OURS, spec="0123456789abcdef-0123456789ab", machine="openstack.security-group", cluster="a" * 40)
    assert len(labels.description(long)) <= labels.LIMIT


@pytest.mark.parametrize(
    "text", [None, "", "mine", "provision?", "provision?cluster=a&uid=b", "provision?generation=x"]
)
def test_what_others_wrote_is_not_ours(text: str | None) -> None:
    assert labels.described(text) is None


def test_metadata_of_one_and_of_many() -> None:
    alone = labels.metadata([OURS], "token", protected=True)
    assert labels.read(alone) == OURS
    assert (alone[labels.TOKEN], alone[labels.PROTECTED]) == ("token", "true")
    many = [replace(OURS, machine=f"demo-w-{n}") for n in range(1, 101)]
    marks = labels.metadata(many, "token")
    assert [labels.read(marks, n) for n in range(100)] == many
    assert labels.read(marks, 100) is None
    assert "provision:machine" not in marks
    assert max(map(len, marks.values())) <= labels.LIMIT


@settings(max_examples=50)
@given(
    names=st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,40}[a-z]", fullmatch=True), min_size=2, max_size=60, unique=True)
)
def test_rosters_of_any_names_come_back(names: list[str]) -> None:
    many = [replace(OURS, machine=name) for name in names]
    marks = labels.metadata(many, "t")
    assert [labels.read(marks, n) for n in range(len(many))] == many
    assert len(marks) <= 128


def test_what_changes_is_what_is_written() -> None:
    later = OURS.expiring("2028-01-01T00:00:00Z")
    assert labels.changed(OURS, later, batch=True) == {"provision:expires": "2028-01-01T00:00:00Z"}
    assert labels.changed(None, OURS, batch=False) == labels.properties(OURS)


@pytest.mark.parametrize("detail", ["", "etcd", "a-b"])
def test_names_tell_whose_a_thing_is(detail: str) -> None:
    owner = Owner("my-web", UID)
    assert labels.named(labels.name(owner, detail)) == ("my-web", UID, detail)
    assert labels.whose(owner, "my-web", UID)
    assert labels.whose(Owner("my-web", ""), "my-web", UID)
    assert labels.whose(None, "my-web", UID)
    assert not labels.whose(Owner("web", ""), "my-web", UID)


@pytest.mark.parametrize("text", ["provision", "provision-me", f"other-web-{UID}", "provision-web-7d0cb2a4"])
def test_others_names_are_not_ours(text: str) -> None:
    assert labels.named(text) is None
