from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given, settings
from hypothesis import strategies as st

from provision_qemu import QEMU, network
from provision_qemu.place import NAME

UIDS = st.uuids().map(str)
NAMES = st.from_regex(NAME, fullmatch=True)


@given(UIDS)
def test_segments_are_local_groups_and_ordinary_ports(uid):
    group, port = network.segment(uid)
    assert IPv4Address(group) in IPv4Network("239.192.0.0/14")
    assert 10240 <= port < 26624
    assert network.segment(uid) == (group, port)


@settings(max_examples=20)
@given(st.lists(UIDS, min_size=50, max_size=50, unique=True))
def test_segments_of_clusters_differ(uids):
    assert len({network.segment(uid) for uid in uids}) == len(uids)


@given(UIDS, NAMES)
def test_cards_have_local_unicast_addresses(uid, name):
    one, two = network.first_mac(uid, name), network.second_mac(uid, name)
    assert one != two
    for mac in (one, two):
        assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", mac)
        assert int(mac[:2], 16) & 0b11 == 0b10  # locally administered, not a group


def test_free_ports_can_be_bound():
    ports = network.free_ports()
    assert set(ports) == {"ssh", "etcd"}
    assert len(set(ports.values())) == 2
    for port in ports.values():
        with socket.socket() as one:
            one.bind((network.LOOPBACK, port))


def test_the_trait_names_the_second_card():
    assert QEMU.traits.private_interface == network.SECOND_PATH
