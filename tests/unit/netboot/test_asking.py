"""What machines say of themselves, and what their Ignition can read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.netboot.asking import Asking, Malformed, asking
from provision.netboot.dnsmasq import hosts_file
from provision.netboot.entry import Artefact, Entry
from provision.netboot.rendered import read_by
from provision.netboot.versions import unreadable, version


def test_what_debians_ipxe_says():
    query = (
        "uuid=4C4C4544-0042-3510-8051-B4C04F4A5931&mac=52-54-00-98-00-01&domain=&hostname=&serial=AB%20C1"
        "&arch=x86_64&platform=pcbios"
    )
    assert asking(query) == Asking("52:54:00:98:00:01", "4c4c4544-0042-3510-8051-b4c04f4a5931", "AB C1", "amd64")
    assert asking("") == Asking()


@given(st.text(max_size=300))
def test_any_query_is_read_or_refused(query):
    try:
        who = asking(query)
    except Malformed:
        return
    assert len(who.mac) in {0, 17}
    assert (who.uuid + who.serial).isprintable()


@pytest.mark.parametrize(
    ("spec", "accept", "wrong"),
    [
        ((3, 3, 0), "application/vnd.coreos.ignition+json;version=3.3.0, */*;q=0.1", False),
        ((3, 4, 0), "application/vnd.coreos.ignition+json;version=3.3.0, */*;q=0.1", True),
        ((2, 3, 0), "application/vnd.coreos.ignition+json;version=3.3.0, */*;q=0.1", True),
        (
            (2, 2, 0),
            "application/vnd.coreos.ignition+json; version=2.4.0, application/vnd.coreos.ignition+json; version=1",
            False,
        ),
        ((3, 4, 0), "*/*", False),
        ((), "application/vnd.coreos.ignition+json;version=3.3.0", False),
    ],
)
def test_an_ignition_says_what_it_reads(spec, accept, wrong):
    assert bool(unreadable(spec, accept)) is wrong


def test_the_version_of_a_config():
    assert version(b'{"ignition":{"version":"3.4.0"}}') == (3, 4, 0)
    for other in (b"#cloud-config\n", b"{}", b"[]", b'{"ignition":{"version":"x"}}', b"\xff", b'{"ignition":[]}'):
        assert version(other) == ()


def test_fixed_addresses():
    kernel = Artefact("k", "0" * 64, "/k")
    one = Entry(
        id="a", cluster="c", uid="u", kernel=kernel, nonce="0" * 32, macs=("52:54:00:00:00:01", "52:54:00:00:00:02")
    )

    assert hosts_file([one]) == ""
    full = replace(one, address="10.0.0.7", hostname="a-1")
    assert hosts_file([one, full]) == "52:54:00:00:00:01,52:54:00:00:00:02,10.0.0.7,a-1\n"


def test_dnsmasqs_log_says_who_has_read():
    line = "dnsmasq-tftp[7]: sent /srv/tftp/pxelinux.cfg/01-52-54-00-00-00-01 to 10.0.0.5"
    assert read_by(line) == ("52:54:00:00:00:01", "10.0.0.5")
    assert read_by(line.replace("sent", "file")) is None
    assert read_by("dnsmasq-tftp[7]: sent /srv/tftp/lpxelinux.0 to 10.0.0.5") is None
