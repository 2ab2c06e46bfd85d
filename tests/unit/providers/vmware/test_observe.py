"""What vSphere reports, in the model's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.model import Labels, Owner, State
from provision_vmware import marks, observe, parts

from .kit import UID, labels, nic, ours, row


def test_a_machine() -> None:
    seen = observe.machine(row(ours(**{marks.CREATED: "2026-01-02T03:04:05Z"}), guest_net=[nic("10.0.0.5")]))
    assert (seen.name, seen.id, seen.token, seen.state) == ("core-0", "vm-7", "a-token", State.RUNNING)
    assert seen.labels == labels("core-0")
    assert seen.addresses == {"private": "10.0.0.5"}
    assert seen.created is not None


@pytest.mark.parametrize(
    ("values", "planned", "expected"),
    [
        ({}, "", ""),
        ({"guest_net": [nic("fe80::1", "169.254.1.1", "10.0.0.5")]}, "", "10.0.0.5"),
        ({"guest_net": [nic("172.17.0.1", device=-1), nic("10.0.0.5")]}, "", "10.0.0.5"),
        ({"guest_net": [nic("2001:db8::5", "10.0.0.5")]}, "", "10.0.0.5"),
        ({"guest_net": [nic("2001:db8::5")]}, "", "2001:db8::5"),
        ({"guest_ipAddress": "10.0.0.6"}, "", "10.0.0.6"),
        ({"guest_ipAddress": "fe80::6"}, "", ""),
        ({}, "10.0.0.9", "10.0.0.9"),
        ({"guest_net": [nic("10.0.0.5", "10.0.0.9")]}, "10.0.0.9", "10.0.0.9"),
        ({"guest_net": [nic("10.0.0.5")]}, "10.0.0.9", "10.0.0.5"),
        ({"guest_net": [nic("not an address")]}, "", ""),
    ],
)
def test_which_address_counts(values: dict[str, Any], planned: str, expected: str) -> None:
    assert observe.address(row(**values), planned) == expected


@pytest.mark.parametrize(
    ("power", "nets", "state"),
    [
        ("poweredOn", [], State.PENDING),
        ("poweredOn", [nic("10.0.0.5")], State.RUNNING),
        ("poweredOff", [], State.STOPPED),
        ("suspended", [], State.STOPPED),
        (None, [], State.UNKNOWN),
    ],
)
def test_states(power: str | None, nets: list[Any], state: State) -> None:
    assert observe.machine(row(ours(), runtime_powerState=power, guest_net=nets)).state is state


def test_what_is_half_made_is_nobodys_answer_yet() -> None:
    seen = observe.machine(row(ours(**{marks.UNFINISHED: "true"}), runtime_powerState="poweredOff"))
    assert (seen.state, seen.token) == (State.FAILED, "")
    assert seen.labels is not None
    assert seen.labels.generation == 0
    # Switched on, it lacks nothing but that somebody takes the mark away.
    running = observe.machine(row(ours(**{marks.UNFINISHED: "ready"}), guest_net=[nic("10.0.0.5")]))
    assert (running.state, running.token) == (State.RUNNING, "a-token")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "no json", '{"cluster": "demo"}'])
def test_a_strangers_machine_has_no_labels(text: str) -> None:
    assert observe.machine(row({marks.LABELS: text} if text else {})).labels is None


@given(st.text(max_size=60), st.text(max_size=60), st.integers(1, 10**6))
def test_labels_round_trip(name: str, owner: str, generation: int) -> None:
    about = Labels("demo", UID, name, generation, owner, "never", "0" * 16)
    assert marks.read(marks.written(about)) == about


def test_folders_and_rules_have_the_labels_of_the_machines() -> None:
    folder = parts.folder_name(Owner("demo", UID))
    seen = observe.part(parts.FOLDER, "group-v1", folder, [labels("core-0", generation=3)])
    assert seen.labels == labels("vmware.folder")
    empty = observe.part(parts.RULE, "r", parts.rule_name(Owner("demo", UID)), [labels("x", uid="another")])
    assert empty.labels is not None
    assert (empty.labels.whose, empty.labels.expires) == (Owner("demo", UID), "never")


@pytest.mark.parametrize(
    ("name", "owner", "mine"),
    [
        (f"demo.{UID}", Owner("demo", UID), True),
        (f"demo.{UID}", Owner("demo", ""), True),
        (f"demo.{UID}", None, True),
        (f"provision-demo.{UID}", Owner("demo", UID), True),
        (f"demo.{UID}", Owner("other", UID), False),
        ("images", None, False),
        ("demo.backup", None, False),
    ],
)
def test_whose_a_folder_is(name: str, owner: Owner | None, mine: bool) -> None:
    assert observe.belongs(name, owner) is mine
