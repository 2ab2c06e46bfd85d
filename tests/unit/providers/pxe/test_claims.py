"""Who is which machine of the inventory: by name, by what was claimed before, by labels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision_pxe.claims import assign

LABELS = {
    "r1-1": {"rack": "1"},
    "r1-2": {"rack": "1", "ssd": "yes"},
    "r1-10": {"rack": "1"},
    "r2-1": {"rack": "2", "ssd": "yes"},
}
INVENTORY = {
    name: {"mac": f"52:54:00:00:00:{n:02x}", "labels": labels, "address": f"10.0.0.{n + 1}"}
    for n, (name, labels) in enumerate(LABELS.items())
}


def claims(kept: dict | None = None, **machines: dict) -> dict[str, str]:
    asked = {name: {"inventory": INVENTORY, **options} for name, options in machines.items()}
    return {name: claim.id for name, claim in assign(asked, kept or {}).items()}


def test_machines_are_claimed_by_name_in_natural_order():
    assert claims(a={}, b={}, c={}) == {"a": "r1-1", "b": "r1-2", "c": "r1-10"}


def test_the_address_comes_from_the_inventory():
    (claim,) = assign({"a": {"inventory": INVENTORY, "machine": "r2-1"}}, {}).values()
    assert (claim.id, claim.address) == ("r2-1", "10.0.0.4")


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ({"a": {}, "b": {"machine": "r1-1"}}, {"a": "r1-2", "b": "r1-1"}),
        ({"a": {}, "b": {"select": {"ssd": "yes"}}}, {"a": "r1-1", "b": "r1-2"}),
        ({"a": {"select": {"rack": "1"}}, "b": {"select": {"rack": "1", "ssd": "yes"}}}, {"a": "r1-1", "b": "r1-2"}),
        ({"a": {"machines": ["r2-1", "r1-1"]}, "b": {"machines": ["r2-1", "r1-1"]}}, {"a": "r2-1", "b": "r1-1"}),
        ({"a": {"select": {"rack": "3"}}}, {}),
        ({"a": {"machine": "r9-9"}}, {}),
        ({"a": {"machine": "r1-1"}, "b": {"machine": "r1-1"}}, {"a": "r1-1"}),
        ({"a": {"select": {"ssd": "yes"}}, "b": {"select": {"ssd": "yes"}}, "c": {"select": {"ssd": "yes"}}}, 2),
    ],
)
def test_who_may_choose_less_chooses_first(machines, expected):
    found = claims(**machines)
    assert found == expected or len(found) == expected


def test_what_was_claimed_is_kept_while_it_fits():
    assert claims({"b": "r1-1"}, a={}, b={}) == {"a": "r1-2", "b": "r1-1"}
    assert claims({"b": "r1-1"}, b={"select": {"rack": "2"}}) == {"b": "r2-1"}
    assert claims({"b": "gone"}, b={}) == {"b": "r1-1"}
    assert claims({"b": "r1-1"}, b={"machine": "r2-1"}) == {"b": "r2-1"}


choices = st.fixed_dictionaries(
    {},
    optional={
        "machine": st.sampled_from([*INVENTORY, "nowhere"]),
        "select": st.dictionaries(st.sampled_from(["rack", "ssd"]), st.sampled_from(["1", "2", "yes"]), max_size=2),
        "machines": st.lists(st.sampled_from(list(INVENTORY)), min_size=1, unique=True),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), choices, max_size=6),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([*INVENTORY, "gone"]), max_size=6),
)
def test_claims_are_of_different_machines_that_fit_and_stay(machines, kept):
    found = claims(kept, **machines)
    assert len(set(found.values())) == len(found)
    for name, hardware in found.items():
        asked = machines[name]
        assert asked.get("machine", hardware) == hardware
        if "machine" not in asked:
            assert asked.get("select", {}).items() <= LABELS[hardware].items()
            assert hardware in asked.get("machines", INVENTORY)
    assert claims(found, **machines) == found
