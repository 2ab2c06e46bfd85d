from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.model import MACHINE, Labels, Request, batch_token, creation_token, utc_text

UID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
LABELS = Labels("demo", UID, "demo-core-1", 2, "me@example.com", "2030-01-01T00:00:00Z", "0123456789abcdef")


def test_labels_survive_the_way_through_texts() -> None:
    assert Labels.from_dict(LABELS.to_dict()) == LABELS


def test_foreign_labels_are_refused() -> None:
    with pytest.raises(KeyError):
        Labels.from_dict({"cluster": "demo"})
    with pytest.raises(ValueError, match="invalid literal"):
        Labels.from_dict({**LABELS.to_dict(), "generation": "many"})


def test_never_is_no_deadline() -> None:
    assert LABELS.expiring("never").deadline is None
    assert LABELS.deadline == datetime(2030, 1, 1, tzinfo=UTC)


def test_times_are_written_in_utc() -> None:
    assert utc_text(datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2030-01-01T00:00:00Z"


def test_tokens_differ_by_name_generation_and_zone_only() -> None:
    assert creation_token(UID, "a", 1) == creation_token(UID, "a", 1)
    assert len({creation_token(UID, n, g, z) for n in "ab" for g in (1, 2) for z in ("", "z")}) == 8


@given(st.permutations(["a", "b", "c"]))
def test_a_batchs_token_does_not_depend_on_the_order(names: list[str]) -> None:
    assert batch_token(UID, dict.fromkeys(names, 1)) == batch_token(UID, {"a": 1, "b": 1, "c": 1})


def test_a_request_read_back_is_the_same_request() -> None:
    request = Request(
        MACHINE,
        "demo-core-1",
        "fake",
        LABELS,
        "t",
        {"size": {"cpus": 1}},
        "{}",
        ("net",),
        {"net": {"id": "n-1"}},
        ("a",),
        "a",
    )
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request
