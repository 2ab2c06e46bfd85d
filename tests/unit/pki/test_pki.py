"""Certificates checked by OpenSSL as well as by us."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import ProvisionError, StateError
from provision.pki import authority, inspect
from provision.pki.authority import Usage
from provision.pki.rotation import Authorities, Phase, dump, load

NOW = datetime.now(UTC).replace(microsecond=0)
UID = "3f0c8a52-0000-4000-8000-000000000001"
NAMES = ["demo-core-1", "demo-core-1.example.org", "10.0.0.11", "fd00::11"]


@pytest.fixture(scope="module")
def ca():
    return authority.create("demo", UID, now=NOW)


def openssl(*arguments, fails=False):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def saved(tmp_path):
    def save(pair, name):
        (tmp_path / f"{name}.pem").write_bytes(pair.certificate)
        (tmp_path / f"{name}.key").write_bytes(pair.key)
        return tmp_path / f"{name}.pem"

    return save


@pytest.mark.parametrize(
    ("usage", "good", "bad"),
    [
        (Usage.SERVER, ["sslserver"], ["sslclient"]),
        (Usage.PEER, ["sslserver", "sslclient"], []),
        (Usage.CLIENT, ["sslclient"], ["sslserver"]),
    ],
)
def test_openssl_accepts_each_for_its_usage_alone(ca, saved, usage, good, bad):
    root = saved(ca, "ca")
    leaf = saved(authority.issue(ca, "demo-core-1", usage, now=NOW, names=NAMES), "leaf")
    for purpose in good:
        openssl("verify", "-x509_strict", "-CAfile", root, "-purpose", purpose, leaf)
    for purpose in bad:
        openssl("verify", "-x509_strict", "-CAfile", root, "-purpose", purpose, leaf, fails=True)


@pytest.mark.parametrize(("option", "name", "fits"), [
    ("-verify_ip", "10.0.0.11", True), ("-verify_ip", "127.0.0.1", True), ("-verify_ip", "fd00::11", True),
    ("-verify_ip", "10.0.0.12", False), ("-verify_hostname", "localhost", True),
    ("-verify_hostname", "demo-core-1.example.org", True), ("-verify_hostname", "demo-core-2", False),
])  # fmt: skip
def test_openssl_finds_the_names(ca, saved, option, name, fits):
    root = saved(ca, "ca")
    leaf = saved(authority.issue(ca, "demo-core-1", Usage.PEER, now=NOW, names=NAMES), "leaf")
    openssl("verify", "-CAfile", root, option, name, leaf, fails=not fits)


def test_openssl_reads_what_we_meant(ca, saved):
    text = openssl("x509", "-in", saved(ca, "ca"), "-noout", "-text")
    assert "CA:TRUE, pathlen:0" in text
    assert "Certificate Sign, CRL Sign" in text
    assert "ASN1 OID: prime256v1" in text
    assert "ecdsa-with-SHA256" in text
    leaf = saved(authority.issue(ca, "demo-core-1", Usage.PEER, now=NOW), "leaf")
    text = openssl("x509", "-in", leaf, "-noout", "-text")
    assert "CA:FALSE" in text
    assert "Authority Key Identifier" in text


def test_another_ca_of_the_same_name_is_not_trusted(ca, saved):
    other = authority.create("demo", UID, now=NOW)
    leaf = authority.issue(other, "demo-core-1", Usage.PEER, now=NOW)
    openssl("verify", "-CAfile", saved(ca, "ca"), saved(leaf, "leaf"), fails=True)
    assert not inspect.issued_by(leaf.certificate, ca.certificate)
    assert inspect.issued_by(leaf.certificate, other.certificate)


def test_a_leaf_cannot_issue(ca, saved, tmp_path):
    leaf = authority.issue(ca, "demo-core-1", Usage.PEER, now=NOW)
    forged = authority.issue(leaf, "evil", Usage.PEER, now=NOW)
    chain = saved(leaf, "leaf")
    openssl("verify", "-CAfile", saved(ca, "ca"), "-untrusted", chain, saved(forged, "forged"), fails=True)


def test_dates_renewal_at_two_thirds_and_never_longer_than_the_ca():
    ca = authority.create("demo", UID, now=NOW, life=timedelta(days=30))
    leaf = inspect.read(authority.issue(ca, "n", Usage.CLIENT, now=NOW, life=timedelta(days=90)).certificate)
    assert leaf.begins == NOW - authority.SKEW
    assert leaf.ends == NOW + timedelta(days=30) == inspect.read(ca.certificate).ends
    two_thirds = leaf.begins + (leaf.ends - leaf.begins) / 3 * 2
    assert not leaf.due(two_thirds - timedelta(seconds=1))
    assert leaf.due(two_thirds + timedelta(seconds=1))
    assert not leaf.expired(leaf.ends - timedelta(seconds=1))
    assert leaf.expired(leaf.ends)


def test_facts(ca):
    pair = authority.issue(ca, "demo-core-1", Usage.SERVER, now=NOW, names=["10.0.0.11", "10.0.0.11"])
    facts = inspect.read(pair.certificate)
    assert (facts.name, facts.issuer, facts.authority) == ("demo-core-1", "demo CA", False)
    assert facts.names == ("10.0.0.11", "localhost", "127.0.0.1", "::1")
    assert inspect.read(ca.certificate).authority
    assert inspect.read(authority.issue(ca, "me", Usage.CLIENT, now=NOW).certificate).names == ()
    assert facts.to_json()["serial"] == facts.serial
    assert "PRIVATE" not in repr(pair)


def test_keys_belong_or_not(ca):
    pair = authority.issue(ca, "a", Usage.PEER, now=NOW)
    assert inspect.belongs(pair.certificate, pair.key)
    assert not inspect.belongs(pair.certificate, ca.key)
    assert not inspect.belongs(pair.certificate, b"junk")


def test_junk_is_no_certificate():
    with pytest.raises(ProvisionError, match="not a certificate"):
        inspect.read(b"junk")


@pytest.mark.parametrize("name", ["", "a b", "-a", "münchen.example", "a..b", "x" * 64, "a.*.b", "10.0.0.1/24"])
def test_names_that_cannot_stand_in_a_certificate(ca, name):
    with pytest.raises(ProvisionError, match="cannot stand in a certificate"):
        authority.issue(ca, "n", Usage.PEER, now=NOW, names=[name])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.ip_addresses().map(str), st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)),
        max_size=5,
    )
)
def test_names_survive(ca, names):
    found = inspect.read(authority.issue(ca, "n", Usage.PEER, now=NOW, names=names).certificate).names
    assert found == tuple(dict.fromkeys([*names, *authority.LOCAL]))


def test_at_each_phase_everybody_trusts_whatever_anybody_may_still_use(ca, saved, tmp_path):
    old = Authorities(ca)
    state = old.begin(authority.create("demo", UID, now=NOW))
    assert state.begin(ca) is state
    phases, before = [], old
    while state.phase is not Phase.STEADY:
        phases.append(state.phase)
        # Some machines are still in the phase before, some in this one.
        for trusting in (before, state):
            for signing in (before, state):
                (tmp_path / "bundle.pem").write_bytes(trusting.trusted)
                leaf = saved(authority.issue(signing.signer, "n", Usage.PEER, now=NOW), "leaf")
                openssl("verify", "-CAfile", tmp_path / "bundle.pem", leaf)
        before, state = state, state.advance()
    assert phases == [Phase.TRUST_BOTH, Phase.REISSUE, Phase.DISTRUST]
    assert state.trusted == state.signer.certificate != ca.certificate
    assert state.advance() is state


def test_authorities_survive_the_state_and_damage_is_told(ca):
    both = Authorities(ca).begin(authority.create("demo", UID, now=NOW))
    for state in (Authorities(ca), both, both.advance()):
        assert load(dump(state)) == state
    for damaged in (b"", b"{}", b"[]", dump(both).replace(b"trust-both", b"never"), b'{"current": 3}'):
        with pytest.raises(StateError, match="damaged"):
            load(damaged)
