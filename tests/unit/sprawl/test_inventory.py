"""Things to clusters: whose they are, how these stand, what they cost; and which are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provision.errors import Kind, ProviderError, UsageError
from provision.model import MACHINE, Labels, Observed, State, utc_text
from provision.provider import Context
from provision.sprawl import choose
from provision.sprawl.accounts import Account
from provision.sprawl.ask import Answer
from provision.sprawl.inventory import Group, Inventory, Standing, take, warning
from provision.sprawl.prices import Cost, Prices
from provision.testing.fakecloud import FakeCloud

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"


def account(name: str = "work", **traits: Any) -> Account:
    made = Account(name, "fake", {"path": name})
    context = Context(Path("/nowhere"), Path("/nowhere"), lambda: NOW, Path("/nowhere"))
    made.__dict__["provider"] = FakeCloud.tuned(**traits)({"path": name}, context)
    return made


def thing(name: str, *, cluster: str = "lab", uid: str = UID, left: float | None = 1.0, **more: Any) -> Observed:
    expires = "never" if left is None else utc_text(NOW + timedelta(hours=left))
    labels = Labels(cluster, uid, name, 1, more.pop("owner", "ada"), more.pop("expires", expires), "0" * 16)
    given = {"kind": MACHINE, "state": State.RUNNING, "size": "small", "created": NOW - timedelta(hours=2), **more}
    return Observed(name=name, id=f"id-{name}", provider="fake", labels=given.pop("labels", labels), **given)


def groups(*things: Observed, tended: tuple[str, ...] = (UID,), **traits: Any) -> list[Group]:
    return list(take([Answer(account(**traits), things)], tended, Prices(), NOW).groups)


def test_a_cluster_costs_what_its_machines_cost() -> None:
    (group,) = groups(thing("a"), thing("b", size="large"), thing("c", size="odd"), thing("net", kind="network"))
    assert group.hourly == Cost(pytest.approx(0.05), ("c",))
    assert group.so_far == Cost(pytest.approx(0.1), ("c",))
    assert group.to_json(NOW)["cost"] == {"per_hour": 0.05, "so_far": 0.1, "unknown": 1}


@pytest.mark.parametrize(
    ("things", "tended", "standings"),
    [
        ([thing("a")], (UID,), ["tended"]),
        ([thing("a", left=None)], (), ["orphaned"]),
        ([thing("a", left=-1)], (UID,), ["expired", "tended"]),
        ([thing("a", left=-1), thing("b", left=1)], (UID,), ["tended"]),
        ([thing("a", left=-1), thing("b", left=None)], (UID,), ["tended"]),
        ([thing("a", left=-1), thing("b", expires="soon")], (UID,), ["tended"]),
        ([thing("a", owner="")], (UID,), ["unowned", "tended"]),
        ([thing("a", labels=None)], (UID,), ["unowned"]),
    ],
)
def test_how_clusters_stand(things: list[Observed], tended: tuple[str, ...], standings: list[str]) -> None:
    (group,) = groups(*things, tended=tended)
    assert [str(s) for s in group.standings] == standings


def test_what_carries_no_labels_is_whose_uid_its_name_holds() -> None:
    key = thing(f"provision-lab-{UID}-key", labels=None, kind="key-pair")
    stranger = thing("provision-x-11111111-1111-4111-8111-111111111111-key", labels=None, kind="key-pair")
    mine, nobodys = sorted(groups(thing("a"), key, stranger), key=lambda g: g.name, reverse=True)
    assert [o.name for o in mine.things] == ["a", key.name]
    assert (nobodys.owner, nobodys.standings) == (None, (Standing.UNOWNED,))


def test_two_names_for_one_account_count_once() -> None:
    answers = [Answer(account("work"), [thing("a")]), Answer(account("same"), [thing("a")])]
    found = take(answers, (), Prices(), NOW)
    assert [(g.account.name, len(g.things)) for g in found.groups] == [("work", 1)]


def test_who_could_not_be_asked_is_kept() -> None:
    error = ProviderError("down", kind=Kind.UNAVAILABLE)
    found = take([Answer(account(), error=error), Answer(account("b"), [thing("a")])], (), Prices(), NOW)
    assert (list(found.unreachable), len(found.groups)) == ([error], 1)


def test_who_ends_a_cluster() -> None:
    assert groups(thing("a"))[0].ender == "reap"
    assert groups(thing("a"), power_off_deletes=True)[0].ender == "itself"
    both = groups(thing("a"), thing("net", kind="network"), power_off_deletes=True)
    assert both[0].ender == "itself, its parts by reap"
    assert groups(thing("a", left=None))[0].ender == "nobody"


@pytest.mark.parametrize(
    ("left", "words"), [(None, ""), (2.0, ""), (0.5, "lab ends in 30m"), (-1.0, "lab has expired; `provision reap`")]
)
def test_warnings(left: float | None, words: str) -> None:
    text = warning("lab", None if left is None else NOW + timedelta(hours=left), NOW)
    assert text.startswith(words)
    assert bool(text) == bool(words)


def estate() -> Inventory:
    old = {"uid": "a" * 8, "cluster": "old", "owner": "bob", "created": NOW - timedelta(days=9), "left": -1.0}
    things = [thing("a"), thing("b"), thing("c", **old)]
    return take([Answer(account(), things)], (UID,), Prices(), NOW)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([], ["lab", "old"]),
        (["owner=b*"], ["old"]),
        (["owner!=b*"], ["lab"]),
        (["state=expired"], ["old"]),
        (["state!=orphaned", "account=work"], ["lab"]),
        (["cluster=lab", "owner=bob"], []),
    ],
)
def test_filters(filters: list[str], names: list[str]) -> None:
    assert [g.name for g in choose.chosen(estate().groups, filters, "cluster")] == names


@pytest.mark.parametrize(
    ("order", "first"),
    [("age", "old"), ("expires", "old"), ("cost", "lab"), ("machines", "lab"), ("owner", "lab"), ("so-far", "old")],
)
def test_orders(order: str, first: str) -> None:
    assert choose.chosen(estate().groups, [], order)[0].name == first


@pytest.mark.parametrize("text", ["owner", "colour=red", "=x", "owner!x"])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(UsageError):
        choose.chosen([], [text], "cluster")
