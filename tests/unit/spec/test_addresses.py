from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from hypothesis import assume, given
from hypothesis import strategies as st

from provision.spec import addresses

SUBNET = IPv4Network("10.99.0.0/24")
HOSTS = st.integers(addresses.LOWEST, 254).map(lambda n: str(SUBNET[n]))


def names(count: int) -> list[str]:
    return [f"m-{n}" for n in range(count)]


def test_addresses_begin_at_the_tenth_host_and_pass_over_fixed_ones() -> None:
    assert addresses.plan(names(4), SUBNET, {"m-2": "10.99.0.11"}, {}) == {
        "m-0": "10.99.0.10",
        "m-1": "10.99.0.12",
        "m-2": "10.99.0.11",
        "m-3": "10.99.0.13",
    }


def test_a_pool_that_grows_moves_nobody_whom_the_lock_knows() -> None:
    before = addresses.plan(["a-1", "a-2", "b-1"], SUBNET, {}, {})
    after = addresses.plan(["a-1", "a-2", "a-3", "b-1"], SUBNET, {}, before)
    assert {name: after[name] for name in before} == before
    assert after["a-3"] == "10.99.0.13"


def test_a_fixed_address_wins_over_the_one_that_another_machine_had() -> None:
    planned = addresses.plan(["a", "b"], SUBNET, {"b": "10.99.0.10"}, {"a": "10.99.0.10", "b": "10.99.0.11"})
    assert planned == {"a": "10.99.0.11", "b": "10.99.0.10"}


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
    assert list(planned) == names(count)
    assert len(set(planned.values())) == count
    assert all(addresses.usable(SUBNET, IPv4Address(address)) for address in planned.values())
    assert all(planned[name] == address for name, address in wanted.items())
    assert planned == addresses.plan(names(count), SUBNET, wanted, planned)


@given(st.integers(20, 30).map(lambda prefix: IPv4Network(f"10.0.0.0/{prefix}")))
def test_the_room_is_what_can_be_planned(subnet: IPv4Network) -> None:
    room = addresses.room(subnet)
    planned = addresses.plan(names(room), subnet, {}, {})
    assert len(set(planned.values())) == room
