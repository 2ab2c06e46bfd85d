"""What is known after a call that failed."""

from __future__ import annotations

import pytest

from provision.errors import Kind
from provision.providing.refusals import Meaning, never_sent, unanswered


@pytest.mark.parametrize(
    ("kind", "mutates", "known"),
    [
        (Kind.UNAVAILABLE, True, Kind.AMBIGUOUS),
        (Kind.UNAVAILABLE, False, Kind.UNAVAILABLE),
        (Kind.QUOTA, True, Kind.QUOTA),
        (Kind.THROTTLED, True, Kind.THROTTLED),
    ],
)
def test_only_a_call_that_changes_something_leaves_a_doubt(kind: Kind, mutates: bool, known: Kind) -> None:
    error = Meaning(kind, retryable=True, hint="wait").error("said", "Code", mutates=mutates)
    assert (error.kind, error.retryable, error.code, error.hint) == (known, True, "Code", "wait")


def test_silence() -> None:
    lost, unread, unsent = unanswered("a", mutates=True), unanswered("a", mutates=False), never_sent("a", "connect")
    assert [e.kind for e in (lost, unread, unsent)] == [Kind.AMBIGUOUS, Kind.UNAVAILABLE, Kind.UNAVAILABLE]
    assert [e.code for e in (lost, unread, unsent)] == ["NoAnswer", "NoAnswer", "NoConnection"]
    assert all(e.retryable for e in (lost, unread, unsent))
