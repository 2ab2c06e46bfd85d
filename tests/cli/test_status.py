"""`status` and `list`: what runs, and the exit codes that scripts go by."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from provision.cli import status
from provision.testing.fakecloud import FakeCloud

from .world import MACHINES, SPEC, World


def test_all_is_well(world: World) -> None:
    world.up()
    for target in ("cluster.yaml", "shop"):
        shown = world.run("status", target)
        assert shown.code == 0
        head, columns, *rows = shown.out.splitlines()
        assert head.startswith("shop (")
        assert "ends in 7h59m" in head
        assert columns.split() == list(status.HEADERS)
        assert [row.split()[:2] for row in rows] == [[name, "running"] for name in MACHINES]


def test_where_power_off_does_not_delete_status_says_who_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.up()
    monkeypatch.setattr(FakeCloud, "traits", replace(FakeCloud.traits, local=False))
    head = world.run("status").out.splitlines()[0]
    assert "on fake what has switched itself off is still billed until `provision reap` deletes it" in head


def test_a_machine_that_failed(world: World) -> None:
    world.up()
    world.mark_failed("shop-db-2")
    shown = world.run("status")
    assert shown.code == 9
    assert "error: not running: shop-db-2\n" in shown.err
    assert "it was told to fail" in shown.out


def test_a_machine_that_vanished(world: World) -> None:
    world.up()
    world.vanish("shop-db-1")
    world.mark_failed("shop-db-2")
    shown = world.run("status", "--json")
    assert shown.code == 9
    assert "error: missing: shop-db-1; not running: shop-db-2\n" in shown.err
    assert shown.json["missing"] == ["shop-db-1"]
    assert "shop-db-1   missing" in world.run("status").out


def test_etcd_that_does_not_answer(world: World) -> None:
    world.spec.write_text(SPEC.replace("db: {count: 2,", "db: {count: 3, etcd: true,") + "etcd: {}\n")
    assert world.up().code == 0
    shown = world.run("status", "--json")
    assert shown.code == 9
    assert "etcd is not healthy" in shown.err
    assert shown.json["etcd"]["healthy"] is False
    assert "etcd: NOT healthy" in world.run("status").out


def test_a_file_that_is_called_as_the_cluster_is(world: World) -> None:
    """A key, say. A spec without a suffix is still one, by the lock beside it."""
    world.up()
    (world.root / "shop").write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert world.run("status", "shop").code == 0
    assert world.run("console", "shop-db-1").err.startswith("error: provider fake cannot show a console")
    (world.root / "shop").write_text(SPEC)
    (world.root / "cluster.lock").rename(world.root / "shop.lock")
    world.spec.unlink()
    assert world.run("status", "shop").code == 0
    assert world.run("plan", "shop").out.startswith("Nothing to do")


def test_json(world: World) -> None:
    world.up()
    told = world.run("status", "--json").json
    assert (told["cluster"], told["missing"], told["etcd"]) == ("shop", [], None)
    assert [m["name"] for m in told["machines"]] == MACHINES
    assert [p["kind"] for p in told["parts"]] == ["network", "firewall"]
    assert {m["labels"]["uid"] for m in told["machines"]} == {told["uid"]}


def test_a_cluster_that_is_gone(world: World) -> None:
    world.up()
    world.run("down", "--yes")
    shown = world.run("status")
    assert shown.code == 0
    assert "nothing runs" in shown.out


def test_list(world: World) -> None:
    assert world.run("list").err == "nothing runs\n"
    world.up()
    shown = world.run("list")
    assert shown.code == 0
    assert shown.out.splitlines()[1].split()[:4] == ["shop", "fake", "4", "you@example.com"]
    world.mark_failed("shop-db-1")
    assert world.run("list").out.splitlines()[1].endswith("3 of 4 running")


def test_list_needs_neither_state_nor_spec(world: World) -> None:
    world.up()
    world.spec.unlink()
    for file in sorted((world.root / "state").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (row,) = json.loads(world.run("list", "--json").out)["clusters"]
    assert (row["cluster"], row["machines"], row["running"], row["parts"]) == ("shop", 4, 4, 2)
    assert row["states"] == ["orphaned"]
    assert datetime.fromisoformat(row["expires"]).tzinfo is not None


def test_a_platform_that_cannot_be_asked_makes_the_list_incomplete(world: World) -> None:
    world.change("{fake: }", "{fake: {faults: [{op: list, kind: auth, times: -1}], path: here.sqlite}}")
    refused = world.up()
    assert refused.code == 6
    assert "injected fault: auth" in refused.err
    listed = world.run("list", "--json")
    assert listed.code == 6
    (unreachable,) = listed.json["unreachable"]
    assert unreachable["message"] == "injected fault: auth"


@pytest.mark.parametrize("command", ["status", "ssh", "console"])
def test_what_there_is_not(world: World, command: str) -> None:
    world.up()
    shown = world.run(command, "shop-cache-1")
    assert shown.code == 2
    assert "shop-cache-1" in shown.err
