"""Three lab machines with `tls: true` from `up` to `down`: https for known clients alone, and a CA exchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from provision.etcd.client import EtcdClient, EtcdError
from provision.etcd.tls import Tls, served
from provision.pki import authority, rotation
from provision_qemu import labos
from tests.unit.providers.qemu.kit import processes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3000)]

SPEC = """\
version: 1
cluster: veiled
owner: lab@example.com
ttl: 2h
os: lab
ssh: {{key_files: [id.pub]}}
network: {{subnet: 10.98.0.0/24}}
etcd: {{version: "3.4", tls: {{keys: fetched}}}}
providers: {{qemu: {{image: "{image}"}}}}
pools:
  core: {{count: 3, size: {{cpus: 1, memory: 512MiB}}, etcd: true}}
"""


class World:
    """A spec of its own with its state, machines and key, and the program as a user runs it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.key = directory / "id"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        (directory / "cluster.yaml").write_text(SPEC.format(image=labos.build()))

    def run(self, *words: str, code: int = 0, timeout: float = 2000) -> str:
        own = {"PROVISION_STATE_DIR": str(self.directory / "state"), "PROVISION_DATA_DIR": str(self.data)}
        done = subprocess.run(
            [sys.executable, "-m", "provision", *words],
            cwd=self.directory,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        print(f"$ provision {' '.join(words)} -> {done.returncode}\n{done.stdout}{done.stderr}")
        assert done.returncode == code, done.stderr
        return done.stdout

    def endpoints(self) -> dict[str, str]:
        machines = json.loads(self.run("status", "--json", "-i", "id"))["machines"]
        return {m["name"]: f"https://{m['reach']['etcd']}" for m in machines}


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    try:
        yield found
    finally:
        found.run("down", "--yes")
        assert processes(found.data / "qemu") == []


class Writer(threading.Thread):
    """Writes key after key through whichever member answers; knows what was acknowledged and the longest silence."""

    def __init__(self, urls, tls) -> None:
        super().__init__(daemon=True)
        self.urls, self.tls, self.acknowledged, self.gap, self.over = list(urls), tls, [], 0.0, threading.Event()

    def run(self) -> None:
        last = time.monotonic()
        while not self.over.is_set():
            key = f"written/{len(self.acknowledged)}"
            if any(self._wrote(url, key) for url in self.urls):
                self.gap, last = max(self.gap, time.monotonic() - last), time.monotonic()
                self.acknowledged.append(key)

    def _wrote(self, url, key) -> bool:
        try:
            with EtcdClient(url, tls=self.tls(), timeout=5) as client:
                client.put(key, key)
        except EtcdError:
            return False
        return True

    def finish(self) -> None:
        self.over.set()
        self.join(60)


class Operator:
    """A client certificate of whatever CA signs in the present phase, as provision's own runs take."""

    def __init__(self, world: World) -> None:
        self.directory = world.directory / "operator"
        self.directory.mkdir()
        self.state = next(world.directory.glob(f"state/*/{rotation.KEY}"))
        self.made: tuple[bytes, Tls] | None = None

    def tls(self) -> Tls:
        data = self.state.read_bytes()
        if self.made is None or self.made[0] != data:
            self.made = data, self._issue(rotation.load(data))
        return self.made[1]

    def _issue(self, authorities) -> Tls:
        usage = authority.Usage.CLIENT
        pair = authority.issue(authorities.signer, "writer", usage, now=datetime.now(UTC))
        contents = {"ca.pem": authorities.trusted, "writer.pem": pair.certificate, "writer.key": pair.key}
        for name, text in contents.items():
            (self.directory / name).write_bytes(text)
        return Tls(*(self.directory / name for name in contents))


def refused(url, tls) -> None:
    with EtcdClient(url, tls=tls, timeout=20) as client, pytest.raises(EtcdError, match="does not answer"):
        client.members()


def test_a_cluster_behind_tls_from_birth_to_another_ca(world, capsys):
    began = time.monotonic()
    world.run("up", "--yes", "-i", "id", "--timeout", "1200", "cluster.yaml")
    rose = time.monotonic() - began
    urls = world.endpoints()
    assert len(urls) == 3
    given = [json.loads(path.read_text()) for path in world.data.rglob("config.ign")]
    files = [{file["path"] for file in config["storage"]["files"]} for config in given]
    assert len(files) == 3
    assert all("/etc/provision/tls/ca.crt" in paths and "/etc/provision/tls/etcd.key" not in paths for paths in files)
    first = next(iter(urls.values()))

    world.run("ca", "issue", "--client", "alice", "-o", "alice", "cluster.yaml")
    alice = Tls(*(world.directory / "alice" / name for name in ("ca.pem", "alice.pem", "alice.key")))
    with EtcdClient(first, tls=alice, timeout=20) as client:
        members = client.members()
    assert all(u.startswith("https://10.98.") for m in members for u in (*m.peer_urls, *m.client_urls))
    refused(first, Tls(alice.ca))
    assert not list(world.directory.glob("state/*/requests/*"))  # what was sent, with its keys, is no longer kept
    before = served(first, alice, timeout=30)

    writer = Writer(urls.values(), Operator(world).tls)
    writer.start()
    began = time.monotonic()
    try:
        world.run("ca", "rotate", "-i", "id", "cluster.yaml")
    finally:
        writer.finish()
    rotated = time.monotonic() - began
    refused(first, alice)
    world.run("ca", "issue", "--client", "alice", "-o", "renewed", "cluster.yaml")
    renewed = Tls(*(world.directory / "renewed" / name for name in ("ca.pem", "alice.pem", "alice.key")))
    assert served(first, renewed, timeout=30) != before
    with EtcdClient(first, tls=renewed, timeout=20) as client:
        assert [key for key in writer.acknowledged if client.get(key) != key] == []
    assert writer.acknowledged

    began = time.monotonic()
    world.run("replace", "--yes", "-i", "id", "veiled-core-2", "cluster.yaml")
    replaced = time.monotonic() - began
    with EtcdClient(first, tls=renewed, timeout=20) as client:
        assert len(client.members()) == 3
        assert [key for key in writer.acknowledged if client.get(key) != key] == []
    with capsys.disabled():
        print(
            f"\ntls on QEMU: up {rose:.0f} s; CA exchanged in {rotated:.0f} s under {len(writer.acknowledged)} writes, "
            f"longest time without an acknowledged one {writer.gap:.1f} s; "
            f"a member replaced in {replaced:.0f} s"
        )
