"""A cluster's life at Rackspace by the commands that people type, each run a process's worth of its own."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.cli.world import World
from tests.emulated.rackspace import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.rackspace.lab import Strict

EXAMPLE = lab.ROOT / "examples" / "rackspace"
MACHINES = ["web-core-1", "web-core-2", "web-core-3", "web-worker-1", "web-worker-2"]


@pytest.fixture
def world(strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    """An operator with the example; machines would reach this computer by an address that it has."""
    made = World(tmp_path, monkeypatch, capsys)
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    made.change("host: 203.0.113.7, port: 4001", f"host: 127.0.0.1, port: {two_free_ports()}")
    return made


def two_free_ports() -> int:
    """Return a port that is free, and so is the next one."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 1))
                return port


def names(strict: Strict) -> list[str]:
    return sorted(server["name"] for server in strict.servers())


def test_up_plan_list_status_and_down(world: World, strict: Strict) -> None:
    plan = world.run("plan", "cluster.yaml")
    assert plan.code == 0, plan.err
    assert "no firewall" in plan.out + plan.err
    assert strict.world() == {}
    up = world.up("--yes")
    assert up.code == 0, up.err
    assert names(strict) == MACHINES
    assert {len(server["networks"]) for server in strict.servers()} == {2, 3}  # workers are not on ServiceNet
    for server in strict.servers():
        assert json.loads(base64.b64decode(server["user_data"]))["ignition"]["version"].startswith("2.")
    lock = (world.root / "cluster.lock").read_text()
    assert re.search(r"CoreOS \(Stable\).*[0-9a-f]{8}-", lock, re.DOTALL), lock

    again = world.run("plan", "--detailed-exitcode", "cluster.yaml")
    assert again.code == 0, again.out + again.err
    status = world.run("status", "cluster.yaml")
    assert "provision reap" in status.out + status.err  # what switches itself off stays here
    listed = world.run("list")
    assert listed.code == 0, listed.err
    assert re.search(r"^web\s.*\s5\s", listed.out, re.MULTILINE), listed.out
    down = world.run("down", "--yes", "cluster.yaml")
    assert down.code == 0, down.err
    assert strict.world() == {}


def test_what_stands_in_the_way_is_told_before_anything_is_made(world: World, strict: Strict) -> None:
    world.change("size: general1-2", "size: general9-2")
    strict.ask("set", {"limits": {"totalInstancesUsed": 199}})
    plan = world.run("plan", "cluster.yaml")
    assert plan.code == 6
    assert "PV562" in plan.err
    assert "PV564" in plan.err
    assert world.up("--yes").code == 6
    assert strict.world() == {}
