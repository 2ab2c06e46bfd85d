from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from provision.diagnostics import Report
from provision.etcd import variables
from provision.etcd.bootstrap import Facts, Mode, decide
from provision.spec.model import Etcd

PLANNED = {"n1": "10.0.0.1", "n2": "10.0.0.2", "n3": "10.0.0.3"}
UNKNOWN = dict.fromkeys(PLANNED, "")
URL = "https://discovery.example.org"

DECISIONS = [
    (Etcd(), PLANNED, "", Mode.STATIC),
    (Etcd(), UNKNOWN, "10.0.2.2", Mode.PRIVATE),
    (Etcd(bootstrap="static"), PLANNED, "", Mode.STATIC),
    (Etcd(bootstrap="discovery"), PLANNED, "10.0.2.2", Mode.PRIVATE),
    (Etcd(bootstrap="discovery", discovery=URL), UNKNOWN, "", Mode.URL),
    (Etcd(bootstrap="srv", domain="example.org", tls=True), UNKNOWN, "", Mode.SRV),
    (Etcd(bootstrap="srv", domain="example.org", version="3.5"), UNKNOWN, "", Mode.SRV),
    (Etcd(version="3.6"), PLANNED, "", Mode.STATIC),
]


@pytest.mark.parametrize(("etcd", "addresses", "host", "mode"), DECISIONS)
def test_the_mode_follows_from_the_facts(etcd, addresses, host, mode):
    report = Report()
    boot = decide(etcd, Facts(addresses, host), report)
    assert report.ok
    assert boot.mode is mode
    assert boot.size == 3


FINDINGS = [
    (Etcd(), UNKNOWN, "", "PV450"),
    (Etcd(version="3.6"), UNKNOWN, "10.0.2.2", "PV450"),
    (Etcd(version="4.0"), PLANNED, "", "PV451"),
    (Etcd(version="3.6"), PLANNED, "", "PV452"),
    (Etcd(bootstrap="discovery", version="3.6"), PLANNED, "10.0.2.2", "PV453"),
    (Etcd(bootstrap="discovery", discovery=URL, version="3.6.1"), PLANNED, "", "PV453"),
    (Etcd(bootstrap="static"), {"n1": "10.0.0.1", "n2": ""}, "", "PV454"),
    (Etcd(bootstrap="discovery"), PLANNED, "", "PV455"),
    (Etcd(bootstrap="discovery", discovery=f"{URL}/{'a' * 32}"), PLANNED, "", "PV456"),
    (Etcd(bootstrap="discovery", discovery="https://discovery.etcd.io"), PLANNED, "", "PV457"),
    (Etcd(bootstrap="discovery", tls=True), UNKNOWN, "10.0.2.2", "PV458"),
    (Etcd(bootstrap="srv", domain="example.org"), PLANNED, "", "PV459"),
]


@pytest.mark.parametrize(("etcd", "addresses", "host", "code"), FINDINGS)
def test_what_cannot_be_is_refused_with_a_code_that_is_documented(etcd, addresses, host, code):
    report = Report()
    boot = decide(etcd, Facts(addresses, host), report)
    assert code in {finding.code for finding in report}
    assert (boot is None) == bool(report.errors)
    documented = tomllib.loads((resources.files("provision_schemas") / "codes" / "etcd.toml").read_text())
    assert documented[code]["title"]
    assert documented[code]["text"].strip()


def decided(etcd, addresses=PLANNED):
    boot = decide(etcd, Facts(addresses, "10.0.2.2"), Report())
    assert boot is not None
    return boot


def test_static_variables_name_every_voter_in_the_specs_order():
    node = variables.Node("n2", "10.0.0.2")
    assert variables.first(node, decided(Etcd()), cluster_token="uid-1") == {
        "ETCD_NAME": "n2",
        "ETCD_LISTEN_CLIENT_URLS": "http://0.0.0.0:2379",
        "ETCD_LISTEN_PEER_URLS": "http://0.0.0.0:2380",
        "ETCD_ADVERTISE_CLIENT_URLS": "http://10.0.0.2:2379",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": "http://10.0.0.2:2380",
        "ETCD_HEARTBEAT_INTERVAL": "100",
        "ETCD_ELECTION_TIMEOUT": "1000",
        "ETCD_INITIAL_CLUSTER": "n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,n3=http://10.0.0.3:2380",
        "ETCD_INITIAL_CLUSTER_TOKEN": "uid-1",
        "ETCD_INITIAL_CLUSTER_STATE": "new",
    }


def test_discovery_never_falls_back_to_a_silent_proxy():
    node = variables.Node("n1", "${ADDRESS}")
    found = variables.first(node, decided(Etcd(bootstrap="discovery"), UNKNOWN), cluster_token="", discovery_url="U")
    assert found["ETCD_DISCOVERY"] == "U"
    assert found["ETCD_DISCOVERY_FALLBACK"] == "exit"
    assert found["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == "http://${ADDRESS}:2380"
    assert "ETCD_INITIAL_CLUSTER" not in found


def test_a_joining_member_knows_no_discovery():
    node = variables.Node("n4", "10.0.0.4")
    found = variables.joining(node, {"n1": ["http://10.0.0.1:2380"], "n4": ["http://10.0.0.4:2380"]})
    assert found["ETCD_INITIAL_CLUSTER"] == "n1=http://10.0.0.1:2380,n4=http://10.0.0.4:2380"
    assert found["ETCD_INITIAL_CLUSTER_STATE"] == "existing"
    assert not any("DISCOVERY" in name for name in found)


def test_certificates_serve_clients_and_peers_and_are_demanded_of_both():
    files = variables.CertificateFiles("/etc/ca.pem", "/etc/n1.pem", "/etc/n1.key")
    node = variables.Node("n1", "fd00::1", data_dir="/var/lib/etcd", files=files)
    found = variables.joining(node, {})
    assert found["ETCD_ADVERTISE_CLIENT_URLS"] == "https://[fd00::1]:2379"
    assert found["ETCD_DATA_DIR"] == "/var/lib/etcd"
    for kind in ("", "PEER_"):
        assert found[f"ETCD_{kind}CLIENT_CERT_AUTH"] == "true"
        assert found[f"ETCD_{kind}TRUSTED_CA_FILE"] == "/etc/ca.pem"


def test_srv_members_advertise_the_names_that_the_zone_holds():
    boot = decided(Etcd(bootstrap="srv", domain="example.org", tls=True), {"n1": "10.0.0.1", "n2": ""})
    files = variables.CertificateFiles("ca", "cert", "key")
    found = variables.first(variables.Node("n1", "10.0.0.1", files=files), boot, cluster_token="u")
    assert found["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == "https://n1.example.org:2380"
    assert found["ETCD_DISCOVERY_SRV"] == "example.org"
    assert variables.zone(boot).splitlines() == [
        "_etcd-server-ssl._tcp.example.org. 300 IN SRV 0 0 2380 n1.example.org.",
        "_etcd-server-ssl._tcp.example.org. 300 IN SRV 0 0 2380 n2.example.org.",
        "_etcd-client-ssl._tcp.example.org. 300 IN SRV 0 0 2379 n1.example.org.",
        "_etcd-client-ssl._tcp.example.org. 300 IN SRV 0 0 2379 n2.example.org.",
        "n1.example.org. 300 IN A 10.0.0.1",
    ]


def test_the_removed_fallback_is_not_written_for_versions_without_it():
    boot = decided(Etcd(bootstrap="srv", domain="example.org", version="3.6"))
    assert "ETCD_DISCOVERY_FALLBACK" not in variables.first(variables.Node("n1", "x"), boot, cluster_token="u")
