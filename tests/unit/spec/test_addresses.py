from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from hypothesis import assume, given
from hypothesis import strategies as st

from provision.spec import addresses

SUBNET = IPv4Network("10.99.0.0/24")
HOSTS = st.integers(addresses.LOWEST, 254).map(lambda n: str(SUBNET[n]))


def names(count: int) -> dict[str, tuple[IPv4Network, ...]]:
    return {f"m-{n}": () for n in range(count)}


def anywhere(*names: str) -> dict[str, tuple[IPv4Network, ...]]:
    return dict.fromkeys(names, ())


def test_addresses_begin_at_the_tenth_host_and_pass_over_fixed_ones() -> None:
    assert addresses.plan(names(4), SUBNET, {"m-2": "10.99.0.11"}, {}) == {
        "m-0": "10.99.0.10",
        "m-1": "10.99.0.12",
        "m-2": "10.99.0.11",
        "m-3": "10.99.0.13",
    }


def test_a_pool_that_grows_moves_nobody_whom_the_lock_knows() -> None:
    before = addresses.plan(anywhere("a-1", "a-2", "b-1"), SUBNET, {}, {})
    after = addresses.plan(anywhere("a-1", "a-2", "a-3", "b-1"), SUBNET, {}, before)
    assert {name: after[name] for name in before} == before
    assert after["a-3"] == "10.99.0.13"


def test_a_fixed_address_wins_over_the_one_that_another_machine_had() -> None:
    planned = addresses.plan(anywhere("a", "b"), SUBNET, {"b": "10.99.0.10"}, {"a": "10.99.0.10", "b": "10.99.0.11"})
    assert planned == {"a": "10.99.0.11", "b": "10.99.0.10"}


def test_machines_get_addresses_of_their_own_zones_block() -> None:
    a, b, *_ = SUBNET.subnets(prefixlen_diff=2)
    planned = addresses.plan({"m-1": [a, b], "m-2": [b, a], "m-3": [a, b]}, SUBNET, {}, {})
    assert planned == {"m-1": "10.99.0.8", "m-2": "10.99.0.72", "m-3": "10.99.0.9"}


def test_a_full_block_overflows_into_the_next_zones() -> None:
    blocks = list(IPv4Network("10.99.0.0/26").subnets(prefixlen_diff=2))
    planned = addresses.plan({f"m-{n}": blocks[:2] for n in range(13)}, IPv4Network("10.99.0.0/26"), {}, {})
    assert [IPv4Address(planned["m-10"]) in block for block in blocks[:2]] == [True, False]
    assert [IPv4Address(planned["m-11"]) in block for block in blocks[:2]] == [False, True]


@given(
    count=st.integers(0, 120),
    fixed=st.dictionaries(st.integers(0, 119), HOSTS, max_size=20),
    kept=st.dictionaries(st.integers(0, 130).map("m-{}".format), st.one_of(HOSTS, st.just("192.0.2.1")), max_size=100),
)
def test_every_machine_has_an_address_of_its_own_within_the_subnet(
    count: int, fixed: dict[int, str], kept: dict[str, str]
) -> None:
    wanted = {f"m-{n}": address for n, address in fixed.items() if n < count}
    assume(len(set(wanted.values())) == len(wanted))
    planned = addresses.plan(names(count), SUBNET, wanted, kept)
    assert list(planned) == list(names(count))
    assert len(set(planned.values())) == count
    assert all(addresses.usable(SUBNET, IPv4Address(address)) for address in planned.values())
    assert all(planned[name] == address for name, address in wanted.items())
    assert planned == addresses.plan(names(count), SUBNET, wanted, planned)


@given(st.integers(20, 30).map(lambda prefix: IPv4Network(f"10.0.0.0/{prefix}")))
def test_the_room_is_what_can_be_planned(subnet: IPv4Network) -> None:
    room = addresses.room(subnet)
    planned = addresses.plan(names(room), subnet, {}, {})
    assert len(set(planned.values())) == room
