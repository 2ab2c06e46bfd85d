"""The demo's spec on real machines: etcd's own answers, the daily commands, a machine that dies, and nothing left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .bench import Operator, coded, etcd, until

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "demo"
NAMES = ["demo-core-1", "demo-core-2", "demo-core-3"]


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    for file in ("cluster.yaml", "core.bu"):
        shutil.copy(EXAMPLE / file, tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "demo"], check=True)
    operator = Operator(tmp_path)
    try:
        yield operator
    finally:
        operator.clean_up()


@pytest.mark.vm
@pytest.mark.timeout(2400)
def test_the_demo(operator: Operator) -> None:
    assert operator.up().code == 0
    answers_of_etcd(operator)
    daily_commands(operator)
    assert operator.up().err.startswith("Nothing to do")
    dies_and_comes_back(operator)
    operator.leaves_nothing()


def answers_of_etcd(operator: Operator) -> None:
    told = operator.status()
    assert [m["name"] for m in told["machines"]] == NAMES
    assert {m["state"] for m in told["machines"]} == {"running"}
    assert (told["etcd"]["healthy"], told["etcd"]["problems"], told["missing"]) == (True, [], [])

    one, two, three = (m["reach"]["etcd"] for m in told["machines"])
    members = etcd(one, "cluster/member/list")["members"]
    assert sorted(m["name"] for m in members) == NAMES
    assert all(m["clientURLs"] for m in members), "a member was added and has not started"
    assert {m["peerURLs"][0] for m in members} == {f"http://10.99.0.{n}:2380" for n in (10, 11, 12)}

    etcd(one, "kv/put", key=coded("demo"), value=coded("written through one"))
    for other in (two, three):
        found = etcd(other, "kv/range", key=coded("demo"))["kvs"]
        assert [pair["value"] for pair in found] == [coded("written through one")]


def daily_commands(operator: Operator) -> None:
    said = operator.run("ssh", "-i", "demo", "demo-core-2", "--", "uname -n; cat /etc/motd")
    assert said.code == 0
    assert said.out.startswith("demo-core-2\nA machine of the demo cluster")
    assert operator.run("ssh", "-i", "demo", "demo-core-2", "--", "exit", "7").code == 7

    console = operator.console("demo-core-3")
    assert "hello from demo-core-3" in console
    assert "provision: phone-home" in console
    assert "\x1b" not in console
    assert len(operator.run("console", "-n", "5", "demo-core-3").out.splitlines()) == 5


def dies_and_comes_back(operator: Operator) -> None:
    """A qemu that is killed is named, and `up` starts it again: with its disk, so with its data and its membership."""
    pid = qemu_of(operator, "demo-core-2")
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in operator.processes(), 30)
    dead = operator.run("status")
    assert dead.code == 9
    assert "not running: demo-core-2" in dead.err
    planned = operator.run("plan")
    assert "PV603" in planned.err
    assert "demo-core-2 is switched off" in planned.err

    back = operator.up()
    assert back.code == 0
    assert "demo-core-2 was switched off and is switched on again" in back.err
    told = operator.status()
    assert told["etcd"]["healthy"]
    two = next(m for m in told["machines"] if m["name"] == "demo-core-2")
    assert two["labels"]["generation"] == "1"
    found = etcd(two["reach"]["etcd"], "kv/range", key=coded("demo"))["kvs"]
    assert [pair["value"] for pair in found] == [coded("written through one")]
    assert sorted(m["name"] for m in etcd(two["reach"]["etcd"], "cluster/member/list")["members"]) == NAMES


def qemu_of(operator: Operator, machine: str) -> int:
    (file,) = operator.data.glob(f"qemu/*/{machine}/qemu.pid")
    return int(file.read_text())
