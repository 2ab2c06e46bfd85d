"""`plan` and `up`, from nothing to a cluster and through its changes, on the fake cloud."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from provision.spec import lock as locks
from provision.state import journal

from .world import MACHINES, PARTS, World, steps

if TYPE_CHECKING:
    from pathlib import Path


def test_from_nothing(world: World) -> None:
    planned = world.run("plan")
    assert planned.code == 0
    assert steps(planned.out) == dict.fromkeys([*MACHINES, *PARTS], "create: new")
    assert planned.out.endswith("\n\n6 to create.\n")

    made = world.up()
    assert (made.code, made.out) == (0, "")
    assert made.err.endswith("shop is up\n")
    assert world.names == sorted([*MACHINES, *PARTS])
    assert set(world.cloud.ever_made().values()) == {1}


def test_a_plan_leaves_no_trace(world: World) -> None:
    before = sorted(p.name for p in world.root.iterdir())
    assert world.run("plan").code == 0
    assert not (world.root / "state").exists()
    assert not (world.root / "cluster.lock").exists()
    assert sorted(p.name for p in world.root.iterdir() if p.name != "data") == before
    assert world.cloud.calls() == {"list": 1}


def test_again_there_is_nothing_to_do(world: World) -> None:
    world.up()
    before = world.cloud.calls()
    planned = world.run("plan", "--detailed-exitcode")
    assert (planned.code, planned.out) == (0, "Nothing to do: all 6 things are as the spec wants them.\n")
    assert world.up().code == 0
    assert world.cloud.calls() - before == {"list": 2}


def test_the_exit_code_tells_of_changes(world: World) -> None:
    assert world.run("plan", "--detailed-exitcode").code == 10
    assert world.run("plan").code == 0


def test_what_changes_is_replaced_for_a_reason_that_is_told(world: World) -> None:
    world.up()
    world.change("ExecStart=/bin/true", "ExecStart=/bin/false", "web.bu")
    planned = steps(world.run("plan").out)
    assert planned["shop-web-1"] == planned["shop-web-2"] == "replace: unit web.service changed; generation 2"
    assert planned["shop-db-1"].startswith("update: label spec")

    refused = world.up()
    assert refused.code == 2
    assert "This ends shop-web-1, shop-web-2, with all their data. Nobody is at a terminal to agree." in refused.err
    assert "say --yes if it is meant" in refused.err
    assert max(world.cloud.ever_made().values()) == 1

    assert world.up("--yes").code == 0
    made = world.cloud.ever_made()
    assert {name: made["machine", name] for name in MACHINES} == dict(zip(MACHINES, (1, 1, 2, 2), strict=True))
    assert "/bin/false" in world.cloud.payload("shop-web-1")
    assert world.names == sorted([*MACHINES, *PARTS])


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("web: {count: 2, size: small", "web: {count: 2, size: large", "size small → large"),
        ("config: web.bu", "config: other.bu", "unit web.service removed"),
    ],
)
def test_reasons(world: World, old: str, new: str, why: str) -> None:
    world.up()
    (world.root / "other.bu").write_text("variant: fcos\nversion: 1.4.0\n")
    world.change(old, new)
    assert why in steps(world.run("plan").out)["shop-web-1"]


def test_a_longer_life_replaces_nothing(world: World) -> None:
    world.up()
    world.change("ttl: 8h", "ttl: 9h")
    planned = steps(world.run("plan").out)
    assert {text.partition(":")[0] for text in planned.values()} == {"update"}
    assert world.up().code == 0
    assert set(world.cloud.ever_made().values()) == {1}
    assert world.run("plan").out.startswith("Nothing to do")


def test_more_and_fewer_machines(world: World) -> None:
    world.up()
    world.change("web: {count: 2", "web: {count: 4")
    assert world.up().code == 0
    assert "shop-web-4" in world.names
    world.change("web: {count: 4", "web: {count: 1")
    planned = steps(world.run("plan").out)
    assert {n for n, text in planned.items() if text == "delete: not in the spec"} == {
        "shop-web-2",
        "shop-web-3",
        "shop-web-4",
    }
    assert world.up("--yes").code == 0
    assert [n for n in world.names if "web" in n] == ["shop-web-1"]


def test_replace_by_name(world: World) -> None:
    world.up()
    planned = world.run("plan", "--replace", "shop-db-2")
    assert steps(planned.out) == {"shop-db-2": "replace: asked for; generation 2"}
    assert world.up("--yes", "--replace", "shop-db-2").code == 0
    assert world.cloud.ever_made()["machine", "shop-db-2"] == 2
    unknown = world.up("--yes", "--replace", "shop-db-9")
    assert (unknown.code, "shop-db-9" in unknown.err) == (4, True)


def test_a_machine_that_failed_or_vanished_is_made_anew(world: World) -> None:
    world.up()
    world.mark_failed("shop-db-1")
    world.vanish("shop-web-2")
    planned = steps(world.run("plan").out)
    assert planned == {
        "shop-db-1": "replace: it failed: it was told to fail; generation 2",
        "shop-web-2": "create: it has vanished; generation 2",
    }
    assert world.up("--yes").code == 0
    assert world.names == sorted([*MACHINES, *PARTS])
    assert world.run("plan").out.startswith("Nothing to do")


def test_the_name_of_another_uid_is_refused(world: World) -> None:
    world.up()
    (world.root / "cluster.lock").unlink()
    refused = world.up()
    assert refused.code == 4
    assert "the name 'shop' already runs under another uid" in refused.err
    assert "PV611" in refused.err
    assert set(world.cloud.ever_made().values()) == {1}
    assert world.run("plan").code == 4


def test_a_spec_with_warnings_tells_them(world: World) -> None:
    world.spec.write_text(world.spec.read_text() + "budget: {per_hour: 9, per_month: 1}\n")
    for argv in (["validate", "cluster.yaml"], ["compile"], ["plan"], ["up", "--no-wait"]):
        assert "warning[PV" in world.run(*argv).err, argv


def test_a_cluster_past_its_deadline_is_not_gone_on_with(world: World) -> None:
    world.change("ttl: 8h", "ttl: 10m")
    world.up()
    (state,) = (world.root / "state").glob("shop-*")
    age(state / "journal.jsonl")
    refused = world.up()
    assert refused.code == 7
    assert "the life of shop ended at 2020-01-01T00:10:00Z" in refused.err
    assert world.run("down", "--yes").code == 0
    assert world.names == []


def age(path: Path) -> None:
    """Let the cluster's life have begun long ago: the only record of it is a note in the journal."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        record.pop("crc")
        if record.get("topic") == "life":
            record["data"] = {"begun": "2020-01-01T00:00:00Z"}
    path.write_bytes(b"".join(map(journal.encode, records)))


def test_the_lock_stays_beside_the_spec(world: World) -> None:
    world.up()
    lock = locks.read("cluster.lock")
    assert lock is not None
    assert {o.labels.uid for o in world.cloud.census() if o.labels} == {lock.uid}
    assert sorted(lock.addresses) == MACHINES
