"""`plan -o FILE`, then `up FILE`: exactly that, or nothing."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema

from .world import MACHINES, PARTS, World

if TYPE_CHECKING:
    import pytest


def test_what_was_agreed_is_done_without_asking(world: World) -> None:
    assert world.run("plan", "-o", "first.plan").code == 0
    assert world.run("up", "--no-wait", "first.plan").code == 0
    assert world.names == sorted([*MACHINES, *PARTS])
    world.change("ExecStart=/bin/true", "ExecStart=/bin/false", "web.bu")
    assert world.run("plan", "-o", "second.plan").code == 0
    assert world.run("up", "--no-wait", "second.plan").code == 0
    assert world.cloud.ever_made()["machine", "shop-web-1"] == 2


def test_a_kept_plan_knows_what_was_asked_for(world: World) -> None:
    world.up()
    assert world.run("plan", "--replace", "shop-db-1", "-o", "new.plan").code == 0
    assert world.run("up", "--no-wait", "new.plan").code == 0
    made = world.cloud.ever_made()
    assert (made["machine", "shop-db-1"], made["machine", "shop-db-2"]) == (2, 1)


def test_the_world_has_moved(world: World) -> None:
    world.up()
    world.change("web: {count: 2", "web: {count: 3")
    world.run("plan", "-o", "old.plan")
    world.vanish("shop-db-2")
    refused = world.run("up", "--no-wait", "old.plan")
    assert refused.code == 4
    assert "the plan for machine shop-db-2 is another [PV620]" in refused.err
    assert "make the plan again" in refused.err
    assert "shop-web-3" not in world.names


def test_the_spec_has_changed(world: World) -> None:
    world.run("plan", "-o", "old.plan")
    world.change("db: {count: 2", "db: {count: 3")
    refused = world.run("up", "--no-wait", "old.plan")
    assert (refused.code, "PV620" in refused.err) == (4, True)
    assert world.names == []


def test_a_plan_is_carried_out_once(world: World) -> None:
    world.run("plan", "-o", "a.plan")
    assert world.run("up", "--no-wait", "a.plan").code == 0
    assert world.run("up", "--no-wait", "a.plan").code == 4


def test_from_another_directory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.root / "elsewhere").mkdir()
    assert world.run("plan", "-o", "elsewhere/a.plan").code == 0
    monkeypatch.chdir("elsewhere")
    assert world.run("up", "--no-wait", "a.plan").code == 0


def test_a_file_that_is_no_plan(world: World) -> None:
    (world.root / "not.plan").write_text("{}")
    assert world.run("up", "not.plan").code == 3
    (world.root / "torn.plan").write_text('{"format": "provision-plan/1", "steps": []}')
    torn = world.run("up", "torn.plan")
    assert torn.code == 2
    assert "torn.plan is not a plan file" in torn.err


def test_a_place_that_cannot_be_written(world: World) -> None:
    refused = world.run("plan", "-o", "missing/a.plan")
    assert refused.code == 2
    assert "cannot write missing/a.plan: No such file or directory" in refused.err


def test_the_form_is_the_documented_one(world: World) -> None:
    world.run("plan", "-o", "a.plan")
    schema = json.loads(files("provision_schemas").joinpath("plan.v1.schema.json").read_text())
    for data in (world.run("plan", "--json").json, json.loads((world.root / "a.plan").read_text())):
        jsonschema.Draft202012Validator(schema).validate(data)
