"""Things as they must be after a call whose answer says less."""

from __future__ import annotations

from dataclasses import replace

from provision.model import MACHINE, Change, Labels, Request, State
from provision.providing.seen import begun, changed

LABELS = Labels("demo", "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b", "a", 1, "you@example.com", "never", "0123456789abcdef")
REQUEST = Request(MACHINE, "a", "x", LABELS, "token", {"address": "10.0.0.9"}, protect=True)


def test_a_machine_that_was_asked_for_is_pending_and_as_its_request_says() -> None:
    seen = begun(REQUEST, "17", zone="b")
    assert (seen.id, seen.name, seen.provider, seen.state, seen.zone) == ("17", "a", "x", State.PENDING, "b")
    assert (seen.labels, seen.token, seen.protected) == (LABELS, "token", True)
    assert (seen.addresses, seen.outputs) == ({"private": "10.0.0.9"}, {"id": "17"})
    assert begun(replace(REQUEST, body={}), "17").addresses == {}
    assert begun(REQUEST, "17", token="the batch's").token == "the batch's"


def test_what_was_not_asked_to_change_stays() -> None:
    seen, longer = begun(REQUEST, "17"), replace(LABELS, expires="2030-01-01T00:00:00Z")
    assert changed(Change(seen, None, None)) == seen
    assert changed(Change(seen, longer, None)) == replace(seen, labels=longer)
    assert changed(Change(seen, None, False)) == replace(seen, protected=False)
