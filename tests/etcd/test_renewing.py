"""`ca rotate` and `ca renew` on real members, whose files are written by the very scripts that machines run.

The way in is a shell on this computer in ssh's place, and the test restarts etcd where a machine's systemd does; the
whole way, through ssh to systemd, is walked by `tests/lab/test_tls.py`.
"""

from __future__ import annotations

import signal
import subprocess
from contextlib import nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from provision.apply import member_files, upkeep
from provision.apply.certificates import Certificates
from provision.apply.fleet import Fleet, Reached
from provision.apply.renewing import Renewing
from provision.errors import PartialFailure, ProvisionError
from provision.etcd import cluster as etcd_cluster
from provision.etcd import variables
from provision.firstboot.additions.system import EtcdUnit
from provision.firstboot.additions.tls import CA, CERTIFICATE, HOME, KEY
from provision.model import Owner
from provision.pki import authority, inspect
from provision.pki.rotation import Phase
from provision.remote import Answer
from provision.spec.model import Etcd, Machine
from provision.state.local import LocalStore
from tests.etcd.lab import decided, healthy
from tests.etcd.test_tls import UID, now

if TYPE_CHECKING:
    from pathlib import Path

UNIT = EtcdUnit("etcd.service", "/var/lib/etcd", "root", HOME)


class Here:
    """A machine's directory and its etcd; `reachable` is whether anybody gets in."""

    def __init__(self, root: Path, node: variables.Node) -> None:
        self.root, self.node, self.member = root, node, None
        self.reachable, self.restarts = True, 0
        (root / "tls").mkdir(parents=True)

    def run(self, words, *, timeout, stdin) -> Answer:
        assert words == ["sudo", "sh", "-s"]
        if not self.reachable:
            return Answer(member_files.SSH_FAILED, "", "ssh: connect: Connection timed out\n")
        script = stdin.replace(HOME, str(self.root / "tls")).replace("/run/provision", str(self.root / "run"))
        if "systemctl restart" in script:
            script = "\n".join(line for line in script.splitlines() if "systemctl" not in line)
            self.restart()
        done = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=False, timeout=timeout)
        return Answer(done.returncode, done.stdout, done.stderr)

    def restart(self) -> None:
        self.member.process.send_signal(signal.SIGTERM)
        self.member.process.wait()
        self.member.start()
        self.restarts += 1

    def files(self) -> variables.CertificateFiles:
        return variables.CertificateFiles(*(str(self.root / "tls" / name) for name in (CA, CERTIFICATE, KEY)))


class Cluster:
    """Three members with certificates from a CA in a state, as `up` has made them."""

    def __init__(self, lab) -> None:
        self.now = now()
        store = LocalStore(lab.directory / "state")
        self.certificates = Certificates(store, Owner("demo", UID), lambda: self.now)
        state = self.certificates.begun()
        self.machines = {name: Here(lab.directory / "machines" / name, node) for name, node in lab.nodes(3).items()}
        nodes = []
        for name, here in self.machines.items():
            pair = self.certificates.member(state, spec(here.node), Etcd(tls=True))
            member_files.write(here, UNIT, state.trusted, pair)
            (here.root / "run" / "etcd-tls-changed").unlink()  # a first boot writes files before etcd starts
            nodes.append(variables.Node(name, here.node.address, timing=here.node.timing, files=here.files()))
        boot = decided(nodes, Etcd(tls=True))
        for node in nodes:
            settings = variables.first(node, boot, cluster_token="uid")
            self.machines[node.name].member = lab.member(node, settings).start()
        self.members = [here.member for here in self.machines.values()]
        self.healthy()

    def healthy(self) -> None:
        with self.certificates.client(self.certificates.authorities()) as tls:
            healthy(self.members, tls=tls)

    def renewing(self, **lost: str) -> Renewing:
        urls = {m.name: m.url for m in self.members}
        members = {n: Reached(spec(here.node), here, UNIT) for n, here in self.machines.items() if n not in lost}
        return Renewing(Fleet(members, urls, lost), self.certificates, Etcd(tls=True), lambda _: None, 30)

    def issue(self, name: str, *, begun: int, life: int) -> None:
        """Give a member a certificate that was issued so many days ago, for so many."""
        state, here = self.certificates.authorities(), self.machines[name]
        pair = authority.issue(
            state.signer,
            name,
            authority.Usage.PEER,
            now=self.now - timedelta(days=begun),
            names=[here.node.address],
            life=timedelta(days=life),
        )
        member_files.write(here, UNIT, state.trusted, pair)
        here.restart()

    def shown(self) -> list[inspect.Certificate]:
        return [inspect.read((here.root / "tls" / CERTIFICATE).read_bytes()) for here in self.machines.values()]


def spec(node: variables.Node) -> Machine:
    return type("Voter", (), {"name": node.name, "address": node.address})()


@pytest.mark.timeout(240)
def test_an_exchange_names_who_was_not_reached_and_goes_on(lab):
    cluster = Cluster(lab)
    old = cluster.certificates.authorities().current
    silent = cluster.machines["demo-core-2"]
    silent.reachable = False
    with pytest.raises(PartialFailure) as caught:
        cluster.renewing().rotate()
    assert [name for name, _ in caught.value.failures] == ["demo-core-2"]
    assert "Connection timed out" in caught.value.failures[0][1]
    kept = cluster.certificates.authorities()
    assert kept.phase is Phase.TRUST_BOTH
    with pytest.raises(ProvisionError, match="being exchanged"):
        cluster.renewing().renew(every=True)
    assert [here.restarts for here in cluster.machines.values()] == [1, 0, 1]

    silent.reachable = True
    cluster.renewing().rotate()
    assert [here.restarts for here in cluster.machines.values()] == [3, 3, 3]  # nothing was done twice
    new = cluster.certificates.authorities()
    assert (new.phase, new.current) == (Phase.STEADY, kept.successor)
    cluster.healthy()
    for here in cluster.machines.values():
        found = member_files.read(here)
        assert found.trusted == new.current.certificate != old.certificate
        assert inspect.issued_by(found.certificate, new.current.certificate)
        assert ((here.root / "tls" / KEY).stat().st_mode & 0o777) == 0o600


@pytest.mark.timeout(240)
def test_certificates_are_renewed_when_due_and_even_when_they_have_expired(lab):
    cluster = Cluster(lab)
    assert cluster.renewing().renew(every=False) == []
    names = list(cluster.machines)
    assert cluster.renewing().renew(every=True) == names

    cluster.issue(names[0], begun=30, life=29)  # it has ended
    with pytest.raises(PartialFailure) as caught:
        cluster.renewing(**{names[1]: "it does not run"}).renew(every=False)
    assert (names[1], "it does not run") in caught.value.failures
    assert cluster.renewing().renew(every=False) in ([], [names[0]])
    assert not any(facts.due(cluster.now) for facts in cluster.shown())
    cluster.healthy()


@pytest.mark.timeout(240)
def test_up_renews_what_is_due_and_does_not_fail_for_those_that_it_cannot_reach(lab, monkeypatch):
    cluster = Cluster(lab)
    first, second, _ = cluster.machines
    urls = {m.name: m.url for m in cluster.members}
    session = SimpleNamespace(cluster=SimpleNamespace(etcd=Etcd(tls=True)))
    told: list[str] = []

    def due() -> list[str]:
        with cluster.certificates.client(cluster.certificates.authorities()) as tls:
            return upkeep.due(etcd_cluster.Cluster(urls, tls=tls), cluster.certificates)

    def renew(names: list[str], **lost: str) -> None:
        monkeypatch.setattr(upkeep, "reached", lambda *_: nullcontext(cluster.renewing(**lost).fleet))
        upkeep.renew(session, cluster.certificates, names, None, told.append)

    assert due() == []
    cluster.issue(first, begun=25, life=30)
    cluster.issue(second, begun=25, life=30)
    cluster.healthy()
    assert due() == [first, second]
    renew(due(), **{second: "ssh: connect: Connection timed out"})
    cluster.healthy()
    assert due() == [second]
    assert told[-1] == (
        f"{second}: its certificate is due and was not renewed: ssh: connect: Connection timed out; "
        "`provision ca renew` tries again"
    )
    renew(due())
    cluster.healthy()
    assert due() == []
