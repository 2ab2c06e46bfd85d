"""A CA is exchanged on a running cluster, member by member and phase by phase, under a writing client."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from provision.etcd import membership, variables
from provision.etcd.client import EtcdClient, EtcdError
from provision.etcd.cluster import Cluster
from provision.etcd.tls import Tls
from provision.pki import authority, inspect
from provision.pki.authority import Usage
from provision.pki.rotation import Authorities, Phase
from provision.spec.model import Etcd
from tests.etcd.lab import decided, healthy, until
from tests.etcd.test_membership import Writer
from tests.etcd.test_tls import UID, Certificates, now


class Rotating(Certificates):
    """Certificates in the place where each member reads them, signed and trusted as the phase has it."""

    def install(self, name, authorities, *names, usage=Usage.PEER) -> variables.CertificateFiles:
        pair = authority.issue(authorities.signer, name, usage, now=now(), names=names)
        self.write(name, pair)
        (self.directory / f"{name}-ca.pem").write_bytes(authorities.trusted)
        return variables.CertificateFiles(
            *(str(self.directory / f"{name}{end}") for end in ("-ca.pem", ".pem", ".key"))
        )

    def tls(self, authorities) -> Tls:
        files = self.install("operator", authorities, usage=Usage.CLIENT)
        return Tls(Path(files.ca), Path(files.certificate), Path(files.key))


def restart(member, cluster) -> None:
    """Restart a member as systemd does; etcd reads its trusted CAs only at start."""
    membership.step_down(cluster, member.name)
    member.process.send_signal(signal.SIGTERM)
    member.process.wait()
    member.start()


@pytest.mark.timeout(180)
def test_no_write_is_lost_while_the_ca_is_exchanged(lab, capsys):
    files = Rotating(lab.directory / "pki")
    old = state = Authorities(files.ca)
    nodes = [
        variables.Node(n.name, n.address, timing=n.timing, files=files.install(n.name, state, n.name, n.address))
        for n in lab.nodes(3).values()
    ]
    boot = decided(nodes, Etcd(tls=True))
    members = [lab.member(n, variables.first(n, boot, cluster_token="uid")).start() for n in nodes]
    healthy(members, tls=files.tls(state))
    before = inspect.read((files.directory / f"{nodes[0].name}.pem").read_bytes())
    state = state.begin(authority.create("demo", UID, now=now()))
    writer = Writer(members, tls=files.tls(state))
    writer.start()
    until(lambda: len(writer.acknowledged) > 20)
    while state.phase is not Phase.STEADY:
        writer.tls = tls = files.tls(state)
        cluster = Cluster({m.name: m.url for m in members}, tls=tls)
        for member in members:
            files.install(member.name, state, member.name, member.node.address)
            restart(member, cluster)
            healthy(members, tls=tls)
        state = state.advance()
    writer.finish()
    with capsys.disabled():
        print(
            f"\netcd: CA exchanged under {len(writer.acknowledged)} writes; "
            f"longest time without an acknowledged write {writer.gap * 1000:.0f} ms"
        )
    assert not writer.lost(members[0].url)
    after = inspect.read((files.directory / f"{nodes[0].name}.pem").read_bytes())
    assert after.fingerprint != before.fingerprint
    stale = replace(files.tls(old), ca=files.directory / f"{nodes[0].name}-ca.pem")
    with EtcdClient(members[0].url, tls=stale) as client, pytest.raises(EtcdError, match="does not answer"):
        client.members()
