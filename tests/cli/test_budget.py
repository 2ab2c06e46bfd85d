"""The spec's budget: `plan` tells, `up` refuses before anything is made, an override is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from .world import World


def limit(world: World, text: str) -> None:
    world.spec.write_text(world.spec.read_text() + f"budget: {text}\n")


@pytest.mark.parametrize("text", ["{per_hour: 0.001}", "{per_month: 0.001}"])
def test_above_the_budget_nothing_is_made(world: World, text: str) -> None:
    limit(world, text)
    assert "over budget" in world.run("plan").err
    refused = world.up()
    assert refused.code == 7
    assert "above the $0.001 of cluster.yaml:" in refused.err
    assert world.names == []


def test_within_the_budget_all_is_made(world: World) -> None:
    limit(world, "{per_hour: 9, per_month: 900}")
    assert "over budget" not in world.run("plan").err
    assert world.up().code == 0


def test_an_override_is_recorded(world: World) -> None:
    limit(world, "{per_hour: 0.001}")
    assert world.up("--over-budget", "load test, agreed").code == 0
    (journal,) = (world.root / "state").glob("*/journal.jsonl")
    assert "load test, agreed" in journal.read_text()


def test_an_unknown_price_is_not_zero(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCloud, "price", lambda *_: None)
    assert "unknown price: shop-db-1" in world.run("plan").err
    limit(world, "{per_hour: 9}")
    refused = world.up()
    assert refused.code == 7
    assert "nobody knows the price of shop-db-1" in refused.err
    assert world.names == []


def test_what_runs_already_is_left_alone(world: World) -> None:
    assert world.up().code == 0
    limit(world, "{per_hour: 0.001}")
    assert world.up().code == 0
