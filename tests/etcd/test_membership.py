"""Members are replaced, added and removed while clients write: no acknowledged write is lost."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import ExitStack

import pytest

from provision.errors import PlanError, Unhealthy
from provision.etcd import membership, snapshot, variables
from provision.etcd.client import EtcdClient, EtcdError
from provision.etcd.cluster import Cluster
from provision.etcd.steps import Do, steps
from provision.spec.model import Etcd
from tests.etcd.lab import BOTH, decided, free_address, healthy, look, program, until


class Writer(threading.Thread):
    """Writes numbered keys through whichever member answers, and remembers what was acknowledged."""

    def __init__(self, members, tls=None) -> None:
        super().__init__(daemon=True)
        self.tls = tls  # may be exchanged while it runs
        self.urls = {m.url for m in members}
        self.acknowledged: list[str] = []
        self.gap = 0.0
        self._done = threading.Event()
        self._number = 0
        self._last = 0.0

    def run(self) -> None:
        self._last = time.monotonic()
        while not self._done.is_set():
            tls = self.tls
            with ExitStack() as stack:
                clients = [stack.enter_context(EtcdClient(url, tls=tls, timeout=1.0)) for url in self.urls]
                while self.tls is tls and not self._done.is_set():
                    self.write(clients)

    def write(self, clients) -> None:
        self._number += 1
        if any(self.written(client, self._number) for client in clients):
            now = time.monotonic()
            self.gap, self._last = max(self.gap, now - self._last), now

    def written(self, client, number) -> bool:
        try:
            client.put(f"load/{number}", str(number))
        except EtcdError:
            return False
        self.acknowledged.append(f"load/{number}")
        return True

    def finish(self) -> None:
        self._done.set()
        self.join()

    def lost(self, url) -> set[str]:
        command = [program("etcdctl"), "--endpoints", url, "get", "load/", "--prefix", "--keys-only"]
        if self.tls:
            command += ["--cacert", self.tls.ca, "--cert", self.tls.certificate, "--key", self.tls.key]
        listed = subprocess.run(command, check=True, capture_output=True, text=True, env={"ETCDCTL_API": "3"})
        return set(self.acknowledged) - set(listed.stdout.split())


def formed(lab, count):
    nodes = list(lab.nodes(count).values())
    boot = decided(nodes, Etcd(version=lab.version))
    members = [lab.member(n, variables.first(n, boot, cluster_token="uid")).start() for n in nodes]
    healthy(members)
    return members


def cluster_of(members):
    return Cluster({m.name: m.url for m in members})


def join(lab, members, node):
    """Admit, start and promote a new machine; return all members."""
    cluster = cluster_of(members)
    peers = membership.admit(cluster, node.name, [node.peer_url])
    new = lab.member(node, variables.joining(node, peers)).start()
    membership.promote(cluster, node.name, seconds=30)
    healthy([*members, new])
    return [*members, new]


def leave(members, name):
    """Retire a member, then end its machine; return the others."""
    membership.retire(cluster_of(members), name)
    gone = next(m for m in members if m.name == name)
    gone.wipe()
    rest = [m for m in members if m is not gone]
    healthy(rest)
    return rest


@BOTH
@pytest.mark.timeout(180)
def test_every_member_is_replaced_under_a_writing_client(lab, capsys):
    members = formed(lab, 3)
    writer = Writer(members)
    writer.start()
    until(lambda: len(writer.acknowledged) > 20)
    begun = time.monotonic()
    leader = look(members).leader
    names = sorted((m.name for m in members), key=lambda name: name == leader)
    for step in steps(names, names, replace=names):
        assert step.do is Do.REPLACE
        node = next(m.node for m in members if m.name == step.name)
        members = join(lab, leave(members, step.name), node)
    took = time.monotonic() - begun
    writer.finish()
    with capsys.disabled():
        print(
            f"\netcd: 3 members replaced in {took:.1f} s under {len(writer.acknowledged)} writes; "
            f"longest time without an acknowledged write {writer.gap * 1000:.0f} ms"
        )
    for member in members:
        assert not writer.lost(member.url)


@BOTH
@pytest.mark.timeout(180)
def test_a_cluster_grows_from_one_to_three_and_shrinks_again(lab):
    members = formed(lab, 1)
    with EtcdClient(members[0].url) as client:
        client.put("kept", "yes")
    wanted = [f"demo-core-{n}" for n in (1, 2, 3)]
    for step in steps([members[0].name], wanted):
        members = join(lab, members, variables.Node(step.name, free_address()))
    with EtcdClient(members[2].url) as client:
        assert client.get("kept") == "yes"
    # The machine that was there first goes first: what it knew lives on.
    for name in wanted[:2]:
        members = leave(members, name)
    with EtcdClient(members[0].url) as client:
        assert client.get("kept") == "yes"
    with pytest.raises(PlanError, match="only voter"):
        membership.retire(cluster_of(members), members[0].name)


def test_a_dead_member_is_replaced_and_a_second_loss_is_not_made_worse(lab):
    members = formed(lab, 3)
    dead, alive = members[0], members[1:]
    dead.wipe()
    with pytest.raises(PlanError, match=r"without demo-core-2 only 1 of 2 voters answer"):
        membership.retire(cluster_of(members), "demo-core-2")
    membership.retire(cluster_of(members), dead.name)
    membership.retire(cluster_of(members), dead.name)  # a second time is no error
    members = join(lab, alive, dead.node)
    with pytest.raises(PlanError, match="runs already"):
        membership.admit(cluster_of(members), "other", [dead.node.peer_url])


def test_steps_that_were_cut_off_are_taken_again(lab):
    members = formed(lab, 1)
    cluster = cluster_of(members)
    node = variables.Node("demo-core-2", free_address())
    first = membership.admit(cluster, node.name, [node.peer_url])
    assert membership.admit(cluster, node.name, [node.peer_url]) == first
    with pytest.raises(Unhealthy, match="did not become a voter within 1 s"):
        membership.promote(cluster, node.name, seconds=1)
    assert any("ghost" in problem for problem in look(members).problems)
    ghost = next(m for m in cluster.members() if not m.started)
    membership.drop(cluster, ghost.id)
    membership.drop(cluster, ghost.id)
    healthy(members)
    peers = membership.admit(cluster, node.name, [node.peer_url])
    new = lab.member(node, variables.joining(node, peers)).start()
    until(lambda: any("learner" in problem for problem in look([*members, new]).problems), what="the learner is told")
    membership.promote(Cluster({**cluster.endpoints, new.name: new.url}), node.name)
    membership.promote(cluster, node.name)
    healthy([*members, new])


@BOTH
def test_a_snapshot_is_one_that_etcdctl_restores(lab):
    (member,) = formed(lab, 1)
    with EtcdClient(member.url) as client:
        client.put("colour", "green")
        for number in range(40):
            client.put(f"bulk/{number}", "x" * 50_000)
        saved = snapshot.save(client, lab.directory / "snapshots" / "2026-01-01.db")
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert saved.size == saved.path.stat().st_size > 1_000_000
    member.wipe()
    restored = [
        program("etcdctl"),
        "snapshot",
        "restore",
        str(saved.path),
        "--data-dir",
        str(member.directory / "data"),
    ]
    arguments = [
        f"--name={member.name}",
        f"--initial-cluster={member.name}={member.node.peer_url}",
        f"--initial-advertise-peer-urls={member.node.peer_url}",
    ]
    subprocess.run([*restored, *arguments], check=True, capture_output=True, env={"ETCDCTL_API": "3"})
    member.start()
    healthy([member])
    with EtcdClient(member.url) as client:
        assert client.get("colour") == "green"
