from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision import zones

NETWORK = IPv4Network("10.99.0.0/16")


def test_neighbours_start_in_different_zones() -> None:
    assert [zones.spread(("a", "b", "c"), n)[0] for n in (1, 2, 3, 4)] == ["a", "b", "c", "a"]
    assert zones.spread((), 5) == ()


@given(st.lists(st.sampled_from("abc"), unique=True), st.integers(1, 50))
def test_every_machine_tries_every_zone_once(names: list[str], index: int) -> None:
    assert sorted(zones.spread(names, index)) == sorted(names)


@given(st.integers(1, zones.MOST))
def test_blocks_are_disjoint_and_within_the_network(count: int) -> None:
    cut = list(zones.blocks(NETWORK, map(str, range(count))).values())
    assert len(cut) == count
    assert all(block.subnet_of(NETWORK) for block in cut)
    assert not any(a.overlaps(b) for n, a in enumerate(cut) for b in cut[:n])


def test_there_is_an_end() -> None:
    with pytest.raises(ValueError, match="9 zones"):
        zones.blocks(NETWORK, map(str, range(9)))
