"""Labels come back as they were, whatever was written into them, and keep GCE's rules."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.model import Owner
from provision_gce import labels
from tests.emulated.gce import lab

TEXT = st.text(max_size=200)


@given(TEXT)
def test_any_text_comes_back(text: str) -> None:
    assert labels.decode(labels.encode(text)) == text


@given(TEXT, TEXT, TEXT)
def test_any_labels_come_back_in_labels_that_gce_takes(owner: str, expires: str, spec: str) -> None:
    ours = lab.labels("demo-w-1", 7, owner=owner, expires=expires, spec=spec)
    marks = labels.written(ours, "a-token")
    assert labels.read(marks, "demo-w-1") == ours
    for key, value in marks.items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)
    assert labels.from_description(labels.described(ours)) == ours


@given(st.text(alphabet="abz09-", max_size=60))
def test_plain_texts_stay_as_they_are(text: str) -> None:
    assert labels.encode(text) == text


def test_times_stay_readable() -> None:
    assert labels.encode("2027-01-01T00:00:00Z") == "2027-01-01_5400_3a00_3a00_5a"


@pytest.mark.parametrize("value", ["Upper", "a.b", "_4", "_zz", "_61", "_ff"])
def test_what_another_hand_wrote_is_no_label_of_ours(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its kind is the contract
        labels.decode(value)
    assert labels.read(labels.written(lab.labels("x")) | {"provision-owner": value}, "x") is None


@pytest.mark.parametrize("text", ["", "mine", "{}", "[]", '{"provision": 7}', '{"provision": {"uid": "x"}}'])
def test_a_description_of_another_hand_is_not_ours(text: str) -> None:
    assert labels.from_description(text) is None


def test_long_labels_shrink_again() -> None:
    before = labels.written(lab.labels("x", owner="Ü" * 60), "token") | {"cost-centre": "42", "provision-token": "t"}
    after = labels.relabelled(before, lab.labels("x", owner="me"))
    assert labels.read(after, "x") == lab.labels("x", owner="me")
    assert not [key for key in after if key.startswith("provision-owner-")]
    assert (after["cost-centre"], after["provision-token"]) == ("42", "t")


def test_filters_name_the_owner() -> None:
    assert labels.wanted(None) == "labels.provision-uid:*"
    assert labels.wanted(Owner("demo", "")) == '(labels.provision-cluster = "demo")'
    assert labels.wanted(Owner("demo", "u")) == '(labels.provision-cluster = "demo") AND (labels.provision-uid = "u")'


def test_belonging() -> None:
    ours = lab.labels("x")
    assert labels.belongs(ours, None)
    assert labels.belongs(ours, Owner("demo", ""))
    assert not labels.belongs(ours, Owner("other", ours.uid))
    assert not labels.belongs(replace(ours, uid="u"), lab.OWNER)
    assert not labels.belongs(None, None)
