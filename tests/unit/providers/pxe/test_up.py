"""`up`, `status` and `down` on bare metal: the real program, the real boot service, machines of a few lines."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.providers.pxe.kit import Rack

pytestmark = pytest.mark.timeout(400)

BOX = Path(__file__).with_name("box.py")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example.org"
STRANGER = "52:54:00:ff:ff:ff"


@dataclass
class Operator:
    directory: Path

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        own = {f"PROVISION_{what}_DIR": str(self.directory / what.lower()) for what in ("STATE", "DATA", "CACHE")}
        done = subprocess.run(
            [sys.executable, "-m", "provision", *argv],
            cwd=self.directory,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        print(f"$ provision {' '.join(argv)} -> {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def status(self) -> dict:
        return json.loads(self.run("status", "--json").stdout)

    @property
    def store(self) -> Path:
        return self.directory / "data" / "netboot"


@pytest.fixture
def operator(tmp_path):
    rack = Rack(tmp_path, count=2)
    orders = rack.options["power"]
    for name, entry in rack.options["inventory"].items():
        boot = [sys.executable, "-S", "-E", str(BOX), str(tmp_path / "data" / "netboot"), entry["mac"]]
        script = tmp_path / f"boot-{name}"
        switch = [word.format(name=name) for word in orders["network_boot"]]
        script.write_text("\n".join(["#!/bin/sh", "set -e", shlex.join(switch), shlex.join(boot)]))
        script.chmod(0o755)
    orders["network_boot"] = [str(tmp_path / "boot-{name}")]
    spec = {
        "version": 1,
        "cluster": "rack",
        "owner": "me@example.org",
        "ttl": "1h",
        "os": "lab",
        "ssh": {"keys": [KEY]},
        "network": {"subnet": "10.98.0.0/24"},
        "providers": {"pxe": {**rack.options, "serve": ["--port", "0", "--no-nginx"]}},
        "pools": {"box": {"count": 2}},
    }
    (tmp_path / "cluster.yaml").write_text(json.dumps(spec))
    operator = Operator(tmp_path)
    yield operator
    if (operator.store / "started.json").exists():
        operator.run("down", "--yes")
    assert not (operator.store / "started.json").exists()


def test_from_power_on_to_up_and_back(operator):
    up = operator.run("up")
    assert up.returncode == 0
    for number in (1, 2):
        assert f"rack-box-{number} reports its first boot: every unit is up" in up.stderr
    lock = (operator.directory / "cluster.lock").read_text()
    assert "claims:\n  rack-box-1: node-0\n  rack-box-2: node-1\n" in lock
    assert "rack-box-1: 10.98.0.10" in lock

    subprocess.run([sys.executable, BOX, operator.store, STRANGER], check=True)
    told = operator.status()
    assert [(m["name"], m["state"], m["detail"]) for m in told["machines"]] == [
        ("rack-box-1", "running", "node-0: up"),
        ("rack-box-2", "running", "node-1: up"),
    ]
    assert [(s["mac"], s["count"]) for s in told["strangers"]] == [(STRANGER, 1)]

    (operator.directory / "power-node-1").write_text("off")
    stopped = operator.run("status")
    assert stopped.returncode == 9
    assert "not running: rack-box-2" in stopped.stderr
    assert f"unclaimed: {STRANGER} asked for something to boot" in stopped.stdout
    again = operator.run("up")
    assert again.returncode == 0
    assert "rack-box-2 was switched off and is switched on again" in again.stderr

    down = operator.run("down", "--yes")
    assert down.returncode == 0
    assert [(operator.directory / f"power-node-{n}").read_text() for n in (0, 1)] == ["off", "off"]
    assert list((operator.store / "machines").iterdir()) == []


def test_too_few_machines_are_an_error_of_the_plan(operator):
    spec = json.loads((operator.directory / "cluster.yaml").read_text())
    spec["pools"]["box"]["count"] = 3
    (operator.directory / "cluster.yaml").write_text(json.dumps(spec))
    refused = operator.run("plan")
    assert refused.returncode == 6
    assert "pool box wants 3 machines and 1 of them find none" in refused.stderr
    assert "PV591" in refused.stderr
    assert not (operator.directory / "power-node-0").exists()
    assert not operator.store.exists()
