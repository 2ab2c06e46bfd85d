"""One cluster on two clouds by one spec: the example, on the strict EC2 and the strict GCE at once.

Its whole life takes as long as a lab's; what is told before anything is made is tried every day.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.world import World
from tests.emulated.ec2 import lab as ec2
from tests.emulated.ec2.lab import strict as amazon
from tests.emulated.gce import lab as gce
from tests.emulated.gce.lab import strict as google

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["amazon", "google"]

EXAMPLE = gce.ROOT / "examples" / "two-clouds"


@pytest.fixture
def world(
    amazon: ec2.Strict,
    google: gce.Strict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> World:
    made = World(tmp_path, monkeypatch, capsys)
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    made.change("your-project", gce.PROJECT)
    made.change("region: us-east-1, image: flatcar-stable", f"region: us-east-1, image: {ec2.AMI}")
    return made


def test_validate_and_plan(world: World, amazon: ec2.Strict, google: gce.Strict) -> None:
    assert world.run("validate", "cluster.yaml").code == 0
    plan = world.run("plan", "cluster.yaml", "--json")
    assert plan.code == 0, plan.err
    steps = {(step["provider"], step["kind"]) for step in plan.json["steps"]}
    assert {("ec2", "vpc"), ("ec2", "machine"), ("gce", "network"), ("gce", "machine")} <= steps
    world.change("size: t3.medium", "size: t3.gigantic")
    world.change("size: e2-standard-4", "size: e2-gigantic")
    plan = world.run("plan", "cluster.yaml")
    assert plan.code == 6
    assert {"PV525", "PV543"} <= set(re.findall(r"PV\d+", plan.err))  # what is wrong on both is told at once
    assert (amazon.world(), google.world()) == ({}, {})


@pytest.mark.lab
def test_up_and_down_and_one_cloud_that_fails_does_not_take_the_other_with_it(
    world: World, amazon: ec2.Strict, google: gce.Strict
) -> None:
    inserts = ("instances.insert", "instances.bulkInsert")
    google.faults(*({"action": action, "code": "QUOTA_EXCEEDED"} for action in inserts))
    assert world.up("--yes").code == 8
    assert (len(amazon.world()["machine"]), google.world().get("instances", [])) == (5, [])
    google.faults()
    up = world.up("--yes")
    assert up.code == 0, up.err
    assert (len(amazon.world()["machine"]), len(google.world()["instances"])) == (5, 4)
    status = world.run("status", "cluster.yaml").out
    assert "duo-core-1" in status
    assert "duo-batch-4" in status
    down = world.run("down", "--yes", "cluster.yaml")
    assert down.code == 0, down.err
    assert (amazon.world(), google.world()) == ({}, {})
