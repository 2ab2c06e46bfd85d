"""The CA at its first use, members' names, the run's client certificate, and who is told what."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from provision.apply.certificates import CLIENT_LIFE, Certificates, by_tls, names_of, refuse_switch
from provision.errors import PlanError, StateError
from provision.firstboot.additions.tls import AUTHORITIES, MEMBER_CERTIFICATE, MEMBER_KEY
from provision.firstboot.slots import fault
from provision.model import Owner
from provision.pki import authority, inspect, rotation
from provision.pki.rotation import Phase
from provision.spec.model import Etcd
from provision.state.local import LocalStore

OWNER = Owner("demo", "3f0c8a52-0000-4000-8000-000000000001")
NOW = datetime(2031, 5, 4, tzinfo=UTC)
MACHINE = SimpleNamespace(name="demo-core-1", address="10.0.0.11")


@pytest.fixture
def certificates(tmp_path):
    return Certificates(LocalStore(tmp_path / "state"), OWNER, lambda: NOW)


def test_the_ca_is_made_once_and_kept_from_others(certificates, tmp_path):
    first = certificates.begun()
    assert certificates.begun() == certificates.authorities() == first
    file = tmp_path / "state" / rotation.KEY
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_ca_that_is_elsewhere_is_not_made_anew(certificates):
    with pytest.raises(StateError, match="PV461"):
        certificates.authorities()


def test_a_member_is_known_by_its_name_and_address_and_is_server_and_client(certificates):
    authorities = certificates.begun()
    pair = certificates.member(authorities, MACHINE, Etcd(tls=True))
    facts = inspect.read(pair.certificate)
    assert facts.names == ("demo-core-1", "10.0.0.11", "localhost", "127.0.0.1", "::1")
    assert inspect.issued_by(pair.certificate, authorities.current.certificate)
    assert inspect.belongs(pair.certificate, pair.key)


def test_with_srv_records_the_domain_is_in_the_certificate():
    found = names_of(MACHINE, Etcd(bootstrap="srv", domain="example.org", tls=True))
    assert found == ("demo-core-1", "10.0.0.11", "demo-core-1.example.org", "example.org")


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_fits_the_slots(certificates, phase):
    """The longest names: 63 characters for a machine, two CAs at once."""
    long = "c" * 63
    certificates = replace(certificates, owner=Owner(long, OWNER.uid))
    state = certificates.begun()
    if phase is not Phase.STEADY:
        state = state.begin(authority.create(long, OWNER.uid, now=NOW))
    while state.phase is not phase:
        state = state.advance()
    machine = SimpleNamespace(name=long, address="255.255.255.255")
    pair = certificates.member(state, machine, Etcd(tls=True))
    assert fault(AUTHORITIES, state.trusted.decode()) is None
    assert fault(MEMBER_CERTIFICATE, pair.certificate.decode()) is None
    assert fault(MEMBER_KEY, pair.key.decode()) is None


def test_the_runs_own_certificate_is_short_lived_and_gone_afterwards(certificates):
    authorities = certificates.begun()
    with certificates.client(authorities) as tls:
        files = (tls.ca, tls.certificate, tls.key)
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
        assert stat.S_IMODE(tls.key.parent.stat().st_mode) == 0o700
        facts = inspect.read(tls.certificate.read_bytes())
        assert facts.ends == NOW + CLIENT_LIFE <= NOW + timedelta(hours=12)
        assert tls.ca.read_bytes() == authorities.trusted
    assert not tls.key.parent.exists()


class State:
    """What the functions under test ask of a cluster's state."""

    def __init__(self, *slots: str | None) -> None:
        voters = [SimpleNamespace(fingerprint=str(place), etcd=True) for place, _ in enumerate(slots)]
        self.recorded = SimpleNamespace(live=lambda: voters)
        self.recipes = {str(place): {"recipe": slot} for place, slot in enumerate(slots) if slot is not None}

    def recipe(self, fingerprint):
        return self.recipes.get(fingerprint)


@pytest.mark.parametrize(
    ("slots", "known"),
    [
        ((AUTHORITIES.marker, AUTHORITIES.marker), True),
        (("", ""), False),
        ((None, AUTHORITIES.marker), True),
        ((), None),
    ],
)
def test_recipes_say_whether_members_have_certificates(slots, known):
    state = State(*slots)
    assert by_tls(state, state.recorded.live()) is known


@pytest.mark.parametrize(("has", "wanted"), [(AUTHORITIES.marker, False), ("", True)])
def test_a_running_cluster_does_not_switch(has, wanted):
    with pytest.raises(PlanError, match="PV462"):
        refuse_switch(State(has), wanted)
    refuse_switch(State(has), not wanted)
    refuse_switch(State(None), wanted)
