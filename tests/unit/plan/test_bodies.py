"""Bodies in a store have no fate of their own: they are made, kept and removed with their machines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision import bodies
from provision.model import MACHINE, Labels, Observed, Owner, Request, State
from provision.plan.diff import diff
from provision.plan.model import Action, Plan
from provision.plan.order import Node, Phase, arrange
from provision.plan.wanted import Thing
from provision.provider import Traits
from provision.state.fold import Entry, Recorded, Status

UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
LABELS = Labels("shop", UID, "", 1, "you", "2035-01-01T00:00:00Z", "0" * 16)
TRAITS = {"fake": Traits(), "s3": bodies.TRAITS}
NAME, BODY = "shop-db-1", "shop-db-1-body"


def wanted(size: str = "small") -> list[Thing]:
    body = Request(bodies.KIND, BODY, "s3", replace(LABELS, machine=BODY), "", {"machine": NAME})
    machine = Request(MACHINE, NAME, "fake", replace(LABELS, machine=NAME), "", {"size": size})
    return [Thing.of(body), Thing.of(machine, recipe={}, body=BODY)]


def seen(kind: str, generation: int = 1) -> Observed:
    name, provider = (NAME, "fake") if kind == MACHINE else (BODY, "s3")
    labels = replace(LABELS, machine=name, generation=generation)
    return Observed(kind, name, f"id-{name}", provider, State.RUNNING, labels)


def entry(thing: Thing, status: Status = Status.MADE, token: str = "") -> Entry:
    return Entry(
        *thing.key, generation=1, status=status, id=f"id-{thing.name}", fingerprint=thing.fingerprint, token=token,
        since="2026-01-01T00:00:00Z",
    )  # fmt: skip


def planned(things: list[Thing], observed: list[Observed], *entries: Entry, ask: tuple[str, ...] = ()) -> Plan:
    recorded = Recorded({e.key: e for e in entries})
    return diff(things, recorded, observed, owner=Owner("shop", UID), traits=TRAITS, replace=ask)


def actions(plan: Plan) -> dict[str, tuple[Action, int]]:
    return {s.key.name: (s.action, s.generation) for s in plan.steps}


def test_a_body_is_made_before_its_machine() -> None:
    plan = planned(wanted(), [])
    assert actions(plan) == {BODY: (Action.CREATE, 1), NAME: (Action.CREATE, 1)}
    graph = arrange(plan.steps, TRAITS)
    assert Node(Phase.CREATE, 0) in graph[Node(Phase.CREATE, 1)]


def test_a_body_follows_its_machine() -> None:
    both = wanted()
    known = [entry(thing) for thing in both]
    there = [seen(bodies.KIND), seen(MACHINE)]
    assert actions(planned(both, there, *known)) == {BODY: (Action.KEEP, 1), NAME: (Action.KEEP, 1)}
    replaced = {BODY: (Action.REPLACE, 2), NAME: (Action.REPLACE, 2)}
    assert actions(planned(both, there, *known, ask=(NAME,))) == replaced
    assert actions(planned(wanted("large"), there, *known)) == replaced
    vanished = {BODY: (Action.REPLACE, 2), NAME: (Action.CREATE, 2)}
    assert actions(planned(both, there[:1], *known)) == vanished


def test_what_a_machine_has_read_is_not_missed() -> None:
    both = wanted()
    assert actions(planned(both, [seen(MACHINE)], *map(entry, both))) == {NAME: (Action.KEEP, 1)}


def test_a_request_that_is_sent_again_names_the_body_that_was_there() -> None:
    both = wanted()
    unknown = entry(both[1], Status.UNKNOWN, "sent")
    found = planned(both, [seen(bodies.KIND)], entry(both[0]), unknown)
    assert actions(found) == {BODY: (Action.KEEP, 1), NAME: (Action.CREATE, 1)}
    assert [s.resend for s in found.steps] == ["", "sent"]


@pytest.mark.parametrize("known", [True, False])
def test_all_goes_with_the_cluster(known: bool) -> None:
    entries = [entry(thing) for thing in wanted()] if known else []
    gone = planned([], [seen(bodies.KIND), seen(MACHINE)], *entries)
    assert {name: action for name, (action, _) in actions(gone).items()} == {BODY: Action.DELETE, NAME: Action.DELETE}


def test_a_body_whose_machine_is_wanted_no_more_goes() -> None:
    gone = planned([], [seen(bodies.KIND)])
    assert actions(gone) == {BODY: (Action.DELETE, 1)}
