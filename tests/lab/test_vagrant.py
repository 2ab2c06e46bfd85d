"""The real Vagrant: every Vagrantfile that we write is valid, and three machines live and die by vagrant-libvirt."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.vagrant import lab as labs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
UP = "480"
"""Seconds for etcd to be healthy; it takes a tenth of that on two idle cores."""

SPEC = """\
version: 1
cluster: tiny
owner: you@example.com
ttl: 1h
os: lab
network: {subnet: 10.99.0.0/24}
etcd: {bootstrap: static}
providers:
  vagrant: {box: provision/tiny}
pools:
  core: {count: 3, etcd: true, size: {cpus: 1, memory: 192MiB}}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[labs.Lab]:
    with labs.running(tmp_path_factory.mktemp("lab")) as found:
        labs.add_box(found)
        yield found


class Operator:
    """Runs the real program in the lab's world."""

    def __init__(self, lab: labs.Lab, directory: Path) -> None:
        self.lab, self.directory = lab, directory
        (directory / "cluster.yaml").write_text(SPEC)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.lab.command(sys.executable, "-m", "provision", *words, directory=self.directory),
            env=self.lab.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        out, _ = process.communicate(timeout=700)
        print(f"$ provision {' '.join(words)} -> {process.returncode}\n{out}")
        assert process.returncode == code, out
        return out

    @property
    def cluster(self) -> Path:
        (found,) = (self.lab.directory / "data" / "vagrant").glob("*-*")
        return found

    def vagrant(self, *words: str) -> str:
        return self.lab.run("vagrant", *words, directory=self.cluster).stdout

    def etcd(self, host: int, route: str, **question: object) -> dict:
        """Ask a member through etcd's own JSON gateway."""
        order = ("curl", "-sf", "-m", "30", "-d", json.dumps(question), f"http://10.99.0.{host}:2379/v3/{route}")
        return json.loads(self.lab.run(*order).stdout)


@pytest.mark.lab
@pytest.mark.parametrize("file", sorted((ROOT / "tests/golden/vagrant").glob("*")), ids=lambda f: f.name.split(".")[0])
def test_the_real_vagrant_takes_every_vagrantfile(file, tmp_path, lab):
    text = file.read_text()
    for name in re.findall(r"#\{__dir__\}/([^\"]+)", text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "Vagrantfile").write_text(text.replace("/keys/id", str(tmp_path / "Vagrantfile")))
    words = ["vagrant", "validate", *([] if "libvirt" in file.name else ["--ignore-provider"])]
    assert "validated successfully" in lab.run(*words, directory=tmp_path).stdout
    # And it would say if a setting were wrong: of the machine, and of its hypervisor where that has a plugin here.
    for setting in ("node.vm.boot_timeout =", *(["v.memory ="] if "vmware" not in file.name else [])):
        (tmp_path / "Vagrantfile").write_text(text.replace(setting, f"{setting[:-2]}s ="))
        assert lab.run(*words, directory=tmp_path, check=False).returncode == 1, setting


@pytest.mark.lab
@pytest.mark.timeout(1500)
def test_machines_live_and_die(lab, tmp_path):
    operator = Operator(lab, tmp_path)

    # Interrupted twice while Vagrant works: we leave, what Vagrant has begun goes on, and `up` again ends it.
    first = operator.start("up", "--timeout", UP)
    until(lambda: "running" in lab.run("virsh", "-q", "list").stdout, 300)
    (child,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    for _ in range(2):
        os.kill(int(child), signal.SIGINT)
        time.sleep(0.5)
    said, _ = first.communicate(timeout=60)
    print(said)
    assert first.returncode == 130
    operator.run("up", "--timeout", UP)
    domains = lab.run("virsh", "-q", "list", "--all", "--name").stdout.split()
    names = [f"tiny-core-{n}" for n in (1, 2, 3)]
    assert sorted(domains) == [f"provision-{operator.cluster.name[:8]}-{name}" for name in names]

    # Each has read its own config, to the byte, and it was the real Ignition that acted on it.
    for name in names:
        config = operator.cluster / "machines" / name / "config.ign"
        inside = "sha256sum /sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw; cat /etc/hostname"
        digest, _, hostname = operator.vagrant("ssh", name, "-c", inside).split()
        assert digest == hashlib.sha256(config.read_bytes()).hexdigest()
        assert hostname == name

    # They are one real etcd over the private network.
    members = operator.etcd(10, "cluster/member/list")["members"]
    assert sorted(m["name"] for m in members) == names
    operator.etcd(11, "kv/put", key="a2V5", value="dmFsdWU=")

    # One is switched off by hand: that is seen, and `up` switches it on again. It is what it was.
    operator.vagrant("halt", "tiny-core-2")
    said = operator.run("status", code=9)
    assert re.search("tiny-core-2 +stopped", said)
    said = operator.run("up", "--timeout", UP)
    assert "tiny-core-2" in said
    assert operator.etcd(11, "kv/range", key="a2V5")["kvs"][0]["value"] == "dmFsdWU="
    assert (operator.cluster / "machines/tiny-core-2/console.log").read_text().count("ignition files done") == 0
    assert "etcd: healthy" in operator.run("status")

    # And all of it goes.
    operator.run("down", "--yes")
    assert lab.leftovers() == []
    assert list((lab.directory / "data" / "vagrant").iterdir()) == []
    assert "tiny" not in lab.run("vagrant", "global-status").stdout


@pytest.mark.lab
def test_what_is_wrong_is_said_before_anything_is_made(lab, tmp_path):
    operator = Operator(lab, tmp_path)
    wrong = SPEC.replace("10.99.0.0/24", "192.168.121.0/24").replace("provision/tiny", "nowhere")
    (tmp_path / "cluster.yaml").write_text(wrong.replace("192MiB", "192MiB, disk: 9GiB"))
    said = operator.run("up", code=6)
    # All of it in one go.
    assert {"PV577", "PV578", "PV579"} <= set(re.findall(r"PV\d+", said))
    assert "there is no box nowhere for libvirt here" in said
    assert "overlaps 192.168.121.0/24, which is vagrant-libvirt's own network" in said
    assert lab.leftovers() == []


@pytest.mark.lab
@pytest.mark.timeout(300)
def test_what_vagrant_refuses_is_understood(lab, tmp_path):
    """What the preflight would have found, asked for all the same: a missing box, and a network that is taken."""
    before = lab.leftovers()
    done = lab.run(sys.executable, "-m", "tests.lab.vagrant.refused", str(tmp_path), directory=ROOT)
    found = json.loads(done.stdout)
    print(found)
    assert found["box"]["kind"] == "not-found"
    assert "nowhere" in found["box"]["message"]
    assert found["network"]["kind"] == "conflict"
    assert "subnet" in found["network"]["hint"]
    assert lab.leftovers() == before


def until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come true in time"
        time.sleep(0.5)
