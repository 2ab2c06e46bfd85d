from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision_ec2 import network

ZONES = [f"us-east-1{letter}" for letter in "abcdefgh"]


def test_one_zone_has_the_whole_network() -> None:
    assert network.blocks("10.99.0.0/24", ["us-east-1c"]) == {"us-east-1c": IPv4Network("10.99.0.0/24")}


@settings(max_examples=100)
@given(st.integers(2, 8), st.integers(16, 25))
def test_blocks_are_apart_and_within(count: int, prefix: int) -> None:
    whole = IPv4Network(f"10.0.0.0/{prefix}")
    cut = list(network.blocks(str(whole), ZONES[:count]).values())
    assert len(cut) == count
    assert all(block.subnet_of(whole) for block in cut)
    assert not any(a.overlaps(b) for a in cut for b in cut if a is not b)


def test_a_zone_added_at_the_end_moves_no_other() -> None:
    for less, more in ((2, 3), (3, 4), (5, 6), (7, 8)):
        before, after = (network.blocks("10.99.0.0/24", ZONES[:n]) for n in (less, more))
        assert before.items() <= after.items()


def test_planned_addresses_begin_in_the_first_zone_of_the_spec() -> None:
    cut = network.blocks("10.99.0.0/24", ["us-east-1b", "us-east-1a"])
    assert network.zone_of("10.99.0.10", cut) == "us-east-1b"
    assert network.zone_of("10.99.0.70", cut) == "us-east-1a"
    assert network.zone_of("10.99.0.200", cut) is None


@pytest.mark.parametrize(
    ("cidr", "zones", "message"),
    [
        ("10.0.0.0/8", 1, "larger than a VPC"),
        ("10.0.0.0/27", 2, "too small"),
        ("10.0.0.0/29", 1, "too small"),
        ("10.0.0.0/16", 9, "more than the 8"),
    ],
)
def test_what_aws_would_refuse_is_refused(cidr: str, zones: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network.blocks(cidr, [f"z{n}" for n in range(zones)])


@pytest.mark.parametrize(
    ("address", "free"),
    [("10.0.0.3", False), ("10.0.0.4", True), ("10.0.0.254", True), ("10.0.0.255", False), ("10.0.1.4", False)],
)
def test_aws_keeps_five_addresses_of_each_subnet(address: str, free: bool) -> None:
    assert network.assignable(address, IPv4Network("10.0.0.0/24")) is free
