"""A cluster's life on GCE by the commands that people type, each run a process's worth of its own."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.world import World
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.gce.lab import Strict

EXAMPLE = lab.ROOT / "examples" / "gce-flatcar"
MACHINES = [f"web-core-{n}" for n in (1, 2, 3)] + [f"web-worker-{n}" for n in (1, 2, 3, 4)]


@pytest.fixture
def world(strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    """An operator with the example, in the region that the strict GCE has."""
    made = World(tmp_path, monkeypatch, capsys)
    monkeypatch.setenv("REGISTRY_AUTH", "c2VjcmV0")
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    for old, new in (
        ("your-project", lab.PROJECT),
        ("europe-west1-b, europe-west1-c, europe-west1-d", "us-central1-a, us-central1-b, us-central1-c"),
        ("europe-west1", lab.REGION),
        ("size: e2-standard-2", "size: e2-small"),
    ):
        made.change(old, new)
    return made


def test_up_plan_status_list_console_and_down(world: World, strict: Strict) -> None:
    plan = world.run("plan", "cluster.yaml")
    assert plan.code == 0, plan.err
    assert strict.world() == {}
    up = world.up("--yes")
    assert up.code == 0, up.err
    assert strict.world()["instances"] == MACHINES
    zones = {machine: zone for zone in strict_zones() for machine in machines_in(strict, zone)}
    assert {zones[name] for name in MACHINES[:3]} == set(strict_zones())  # the voters are spread
    item = strict.machine("web-worker-1", zones["web-worker-1"])
    payload = next(entry["value"] for entry in item["metadata"]["items"] if entry["key"] == "user-data")
    assert payload.startswith('{"ignition":')
    assert lab.IMAGE in (world.root / "cluster.lock").read_text()

    again = world.run("plan", "--detailed-exitcode", "cluster.yaml")
    assert again.code == 0, again.out
    status = world.run("status", "cluster.yaml")
    assert "ends in" in status.out + status.err
    assert "reap" not in status.out + status.err  # GCE itself deletes them
    listed = world.run("list")
    assert listed.code == 0, listed.err
    assert re.search(r"^web\s.*\s7\s", listed.out, re.MULTILINE), listed.out
    console = world.run("console", "web-core-1")
    assert "Ignition finished" in console.out, console.err

    world.change("count: 4", "count: 6")
    grown = world.up("--yes", "--replace", "web-worker-1")
    assert grown.code == 0, grown.err
    assert (len(strict.world()["instances"]), strict.ask("ever")) == (9, 7 + 2 + 1)
    down = world.run("down", "--yes", "cluster.yaml")
    assert down.code == 0, down.err
    assert strict.world() == {}


def test_a_longer_life_within_the_hours_left_open_stops_nothing_and_beyond_them_it_says_so(
    world: World, strict: Strict
) -> None:
    assert world.up("--yes").code == 0
    world.change("ttl: 7d", "ttl: 8d")
    up = world.up("--yes")
    assert up.code == 0, up.err
    assert strict.counts()["instances.stop"] == 0
    world.change("ttl: 8d", "ttl: 10d")
    refused = world.up("--yes")
    assert refused.code == 8
    assert "while the machine is stopped" in refused.err
    assert strict.counts()["instances.stop"] == 0


def test_what_stands_in_the_way_is_told_before_anything_is_made(world: World, strict: Strict) -> None:
    world.change("size: e2-small", "size: e2-gigantic")
    strict.set(quotas={"PREEMPTIBLE_CPUS": 8.0})
    plan = world.run("plan", "cluster.yaml")
    assert plan.code == 6
    assert "PV543" in plan.err
    assert "PV544" in plan.err
    assert world.up("--yes").code == 6
    assert strict.world() == {}


def strict_zones() -> tuple[str, ...]:
    return (*lab.ZONES, "us-central1-c")


def machines_in(strict: Strict, zone: str) -> list[str]:
    return [item["name"] for item in strict.send("GET", f"zones/{zone}/instances")[1].get("items", [])]
