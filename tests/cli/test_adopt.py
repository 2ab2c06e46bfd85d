"""`adopt`: what was lost on this computer is read from the labels again."""

from __future__ import annotations

import shutil

from provision.model import MACHINE
from provision.spec import lock as locks

from .world import MACHINES, PARTS, World


def expiries(world: World) -> set[str]:
    return {o.labels.expires for o in world.cloud.census() if o.labels}


def test_state_and_lock_lost(world: World) -> None:
    world.up()
    lock, deadline = locks.read("cluster.lock"), expiries(world)
    shutil.rmtree(world.root / "state")
    (world.root / "cluster.lock").unlink()

    adopted = world.run("adopt", "--json")
    assert adopted.code == 0
    assert adopted.json == {"lock": "cluster.lock", "adopted": ["shop-network", "shop-firewall", *MACHINES]}
    assert locks.read("cluster.lock") == lock
    assert world.run("plan").out.startswith("Nothing to do")
    assert world.up().code == 0
    assert expiries(world) == deadline, "losing the state has lengthened the cluster's life"
    assert set(world.cloud.ever_made().values()) == {1}


def test_adopting_asks_the_platform_for_nothing_but_a_list(world: World) -> None:
    world.up()
    shutil.rmtree(world.root / "state")
    before = world.cloud.calls()
    assert world.run("adopt").code == 0
    assert set(world.cloud.calls() - before) == {"list"}


def test_nothing_is_lost(world: World) -> None:
    world.up()
    again = world.run("adopt")
    assert (again.code, again.out) == (0, "")
    assert again.err == "nothing to adopt: the state knows all that the spec wants and that runs\n"


def test_nothing_runs(world: World) -> None:
    refused = world.run("adopt")
    assert refused.code == 2
    assert "shop runs nowhere" in refused.err
    assert not (world.root / "cluster.lock").exists()


def test_a_spec_that_moved_on_meanwhile(world: World) -> None:
    """What the machines run is not known any more: that is said, and nothing is replaced behind anybody's back."""
    world.up()
    shutil.rmtree(world.root / "state")
    world.change("ExecStart=/bin/true", "ExecStart=/bin/false", "web.bu")
    world.change("web: {count: 2", "web: {count: 3")
    adopted = world.run("adopt")
    assert adopted.code == 0
    assert "warning[PV602]: shop-web-1 runs a first-boot config that the state does not know" in adopted.err
    assert "`provision replace shop-web-1` makes it anew from the spec" in adopted.err
    assert world.up().code == 0
    assert sorted(o.name for o in world.cloud.census() if o.kind == MACHINE) == [*MACHINES, "shop-web-3"]
    assert world.cloud.ever_made()["machine", "shop-web-1"] == 1


def test_the_same_name_twice(world: World) -> None:
    world.up()
    world.run("down", "--yes")
    assert world.names == []
    world.up()
    (world.root / "cluster.lock").unlink()
    assert world.run("adopt").code == 0
    assert world.names == sorted([*MACHINES, *PARTS])
