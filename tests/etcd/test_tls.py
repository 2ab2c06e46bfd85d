"""etcd with certificates from our CA: members serve each other and known clients, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provision.etcd import variables
from provision.etcd.client import EtcdClient, EtcdError
from provision.etcd.discovery.client import DiscoveryClient
from provision.etcd.discovery.server import serving
from provision.etcd.tls import WORDS, Tls, served
from provision.pki import authority, inspect
from provision.pki.authority import Usage
from provision.spec.model import Etcd
from tests.etcd.lab import BOTH, decided, healthy, until

UID = "3f0c8a52-0000-4000-8000-000000000001"


def now():
    return datetime.now(UTC)


class Certificates:
    """A CA and the files of what it issues."""

    def __init__(self, directory) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.ca = authority.create("demo", UID, now=now())
        self.write("ca", self.ca)

    def write(self, name, pair):
        (self.directory / f"{name}.pem").write_bytes(pair.certificate)
        (self.directory / f"{name}.key").write_bytes(pair.key)

    def issue(self, name, usage, *names) -> variables.CertificateFiles:
        self.write(name, authority.issue(self.ca, name, usage, now=now(), names=names))
        return variables.CertificateFiles(*(str(self.directory / f) for f in ("ca.pem", f"{name}.pem", f"{name}.key")))

    def client(self, name) -> Tls:
        self.issue(name, Usage.CLIENT)
        return Tls(self.directory / "ca.pem", self.directory / f"{name}.pem", self.directory / f"{name}.key")

    def node(self, node: variables.Node) -> variables.Node:
        files = self.issue(node.name, Usage.PEER, node.name, node.address)
        return variables.Node(node.name, node.address, timing=node.timing, files=files)


@pytest.fixture
def certificates(lab):
    return Certificates(lab.directory / "pki")


@BOTH
def test_a_cluster_with_tls_takes_known_clients_only(lab, certificates):
    nodes = [certificates.node(node) for node in lab.nodes(3).values()]
    boot = decided(nodes, Etcd(version=lab.version, tls=True))
    members = [lab.member(n, variables.first(n, boot, cluster_token="uid")).start() for n in nodes]
    client = certificates.client("operator")
    verdict = healthy(members, tls=client)
    assert all(url.startswith("https://") for m in verdict.members for url in (*m.peer_urls, *m.client_urls))
    refused(members[0].url, Tls(client.ca))  # no certificate at all
    stranger = Certificates(lab.directory / "elsewhere").client("operator")
    refused(members[0].url, Tls(client.ca, stranger.certificate, stranger.key))
    with EtcdClient(members[0].url.replace("https", "http"), tls=client) as plain, pytest.raises(EtcdError):
        plain.members()
    with EtcdClient(members[0].url, tls=Tls(stranger.ca)) as distrusting, pytest.raises(EtcdError, match="VERIFY"):
        distrusting.members()


def refused(url, tls):
    with EtcdClient(url, tls=tls) as client, pytest.raises(EtcdError, match="does not answer"):
        client.members()


def test_a_member_of_another_ca_does_not_get_in(lab, certificates):
    nodes = [certificates.node(node) for node in lab.nodes(3).values()]
    stranger = Certificates(lab.directory / "elsewhere").node(nodes[2])
    boot = decided(nodes, Etcd(version=lab.version, tls=True))
    members = [lab.member(n, variables.first(n, boot, cluster_token="uid")).start() for n in [*nodes[:2], stranger]]
    client = certificates.client("operator")
    until(lambda: "certificate" in members[2].log or "certificate" in members[0].log, what="a handshake was refused")
    with EtcdClient(members[0].url, tls=client) as first:
        until(lambda: first.healthy())
        assert not next(m for m in first.members() if m.name == stranger.name).started


@BOTH
def test_discovery_over_tls_with_a_ca_that_the_machine_trusts(lab, certificates):
    files = certificates.issue("discovery", Usage.SERVER, "127.0.0.1")
    secured = {"certificate": certificates.directory / "discovery.pem", "key": certificates.directory / "discovery.key"}
    with serving(lab.directory / "registry", **secured) as url:
        with DiscoveryClient(url, tls=Tls(certificates.directory / "ca.pem")) as client:
            token = client.new(3)
        assert token.startswith("https://")
        members = lab.discovered(token, lab.nodes(3).values())
        for member in members:
            member.settings["SSL_CERT_FILE"] = files.ca  # as a machine has whose trust store holds the CA
            member.start()
        healthy(members)


def test_what_is_wrong_with_a_certificate_is_said_in_words(lab, certificates):
    node = certificates.node(next(iter(lab.nodes(1).values())))
    boot = decided([node], Etcd(version=lab.version, tls=True))
    member = lab.member(node, variables.first(node, boot, cluster_token="uid")).start()
    client = certificates.client("operator")
    healthy([member], tls=client)
    # Go's TLS of this etcd's age tells a client no more than that its certificate is bad; newer ones say why.
    refusals = {words for text, words in WORDS.items() if text.startswith("alert ")}
    assert said(member.url, Tls(client.ca)) in refusals
    stranger = Certificates(lab.directory / "elsewhere").client("operator")
    assert said(member.url, Tls(client.ca, stranger.certificate, stranger.key)) in refusals
    assert said(member.url, Tls(stranger.ca, client.certificate, client.key)) == "its certificate is of another CA"
    ended = authority.issue(certificates.ca, "operator", Usage.CLIENT, now=now() - timedelta(days=9), life=timedelta(1))
    certificates.write("operator", ended)
    assert said(member.url, client) in refusals
    certificates.issue("operator", Usage.CLIENT)
    old = authority.issue(
        certificates.ca, node.name, Usage.PEER, now=now() - timedelta(days=9), names=[node.address], life=timedelta(1)
    )
    certificates.write(node.name, old)  # etcd reads its own certificate anew for each connection
    assert said(member.url, client) == "its certificate has expired: `provision ca renew` reissues it"
    assert inspect.read(served(member.url, client, timeout=5)).expired(now())


def said(url, tls) -> str:
    with EtcdClient(url, tls=tls) as client, pytest.raises(EtcdError) as caught:
        client.members()
    return caught.value.message.partition("does not answer: ")[2].partition(" (")[0]
