"""`down`, whatever was lost before."""

from __future__ import annotations

import shutil

import pytest

from provision.model import MACHINE

from .world import MACHINES, PARTS, World, steps


@pytest.mark.parametrize("target", ["cluster.yaml", "shop"])
def test_by_spec_and_by_name(world: World, target: str) -> None:
    world.up()
    refused = world.run("down", target)
    assert refused.code == 2
    assert "This removes all of shop, with its data. Nobody is at a terminal to agree." in refused.err
    assert world.names == sorted([*MACHINES, *PARTS])

    gone = world.run("down", "--yes", target)
    assert gone.code == 0
    assert steps(gone.err) == dict.fromkeys([*MACHINES, *PARTS], "delete: the cluster is taken down")
    assert gone.err.endswith("shop is gone\n")
    assert world.names == []

    again = world.run("down", "cluster.yaml")
    assert (again.code, again.err) == (0, "nothing of shop is there\n")
    assert world.run("down", "shop").code == 2  # the name is forgotten, and might as well be a slip


def test_with_a_broken_spec(world: World) -> None:
    world.up()
    world.spec.write_text("version: 1\ncluster: [")
    assert world.run("plan").code == 3
    assert world.run("down", "--yes").code == 0
    assert world.names == []


def test_without_a_spec(world: World) -> None:
    world.up()
    world.spec.unlink()
    assert world.run("down", "--yes").code == 2
    assert world.run("down", "--yes", "shop").code == 0
    assert world.names == []


@pytest.mark.parametrize("target", ["cluster.yaml", "shop"])
def test_without_state_the_labels_are_enough(world: World, target: str) -> None:
    world.up()
    shutil.rmtree(world.root / "state")
    if target == "shop":
        world.spec.unlink()
        (world.root / "cluster.lock").unlink()
    assert world.run("down", "--yes", target).code == 0
    assert world.names == []


def test_without_the_lock_the_state_is_enough(world: World) -> None:
    world.up()
    (world.root / "cluster.lock").unlink()
    assert world.run("status").code == 0
    assert world.run("down", "--yes", "cluster.yaml").code == 0
    assert world.names == []


def test_nothing_was_ever_made(world: World) -> None:
    none = world.run("down", "--yes")
    assert none.code == 2
    assert "no cluster was made from cluster.yaml: there is no cluster.lock beside it" in none.err
    unknown = world.run("down", "--yes", "shp")
    assert unknown.code == 2
    assert "there is no file and no cluster named 'shp'" in unknown.err


def test_a_name_that_was_used_before_means_the_one_that_lives(world: World) -> None:
    world.up()
    world.run("down", "--yes")
    (world.root / "cluster.lock").unlink()
    world.up()
    assert len(list((world.root / "state").glob("shop-*"))) == 2
    assert world.run("status", "shop").code == 0
    assert world.run("down", "--yes", "shop").code == 0
    assert world.names == []


def test_another_cluster_stays(world: World) -> None:
    world.up()
    (world.root / "other").mkdir()
    (world.root / "other" / "cluster.yaml").write_text(world.spec.read_text().replace("shop", "mill"))
    (world.root / "other" / "web.bu").write_text((world.root / "web.bu").read_text())
    assert world.run("up", "--no-wait", "other/cluster.yaml").code == 0
    assert world.run("down", "--yes", "shop").code == 0
    assert sorted(o.name for o in world.cloud.census() if o.kind == MACHINE) == [
        "mill-db-1",
        "mill-db-2",
        "mill-web-1",
        "mill-web-2",
    ]


def test_up_again_after_down_makes_the_next_generation(world: World) -> None:
    world.up()
    world.run("down", "--yes")
    assert world.up().code == 0
    assert {o.labels.generation for o in world.cloud.census() if o.labels and o.kind == MACHINE} == {2}
    assert world.run("plan").out.startswith("Nothing to do")


def test_protection_is_lifted_on_purpose_only(world: World) -> None:
    world.spec.write_text(world.spec.read_text().replace("ttl: 8h", "ttl: never") + "protect: true\n")
    assert world.up().code == 0
    refused = world.run("down", "--yes")
    assert refused.code == 4
    assert "PV610" in refused.err
    assert world.names == sorted([*MACHINES, *PARTS])
    world.change("protect: true", "protect: false")
    assert world.up().code == 0
    assert world.run("down", "--yes").code == 0
    assert world.names == []
