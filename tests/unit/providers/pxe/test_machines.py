"""Claiming, following, switching and releasing, with a boot store, real power commands, and a played boot service."""

from __future__ import annotations

import json

import pytest

from provision.errors import Kind, ProviderError
from provision.model import Change, Owner, State
from provision.netboot.entry import Mode, Stranger
from provision.netboot.entry import State as Boot
from provision.netboot.states import States
from tests.unit.providers.pxe.kit import NONCE, PAYLOAD, UID, Rack, made

OTHER = "7a7e9f0d-3b59-4a6f-a0cf-0f3d2d6b7c55"


@pytest.fixture
def rack(tmp_path) -> Rack:
    return Rack(tmp_path)


def failure(outcomes) -> ProviderError:
    (outcome,) = outcomes
    assert outcome.error is not None
    return outcome.error


def test_a_machine_is_claimed_with_its_config_and_switched_on_from_the_network(rack):
    machine = rack.make("core-1", "node-1", args=["console=ttyS0"])
    assert (machine.name, machine.state, machine.addresses) == ("core-1", State.PENDING, {"private": "10.98.0.11"})
    assert machine.reach == {"ssh": "10.98.0.11:22", "etcd": "10.98.0.11:2379"}
    assert rack.power("node-1") == "network"
    entry = rack.store.get("node-1")
    assert entry is not None
    assert rack.store.config(entry) == PAYLOAD.encode()
    assert (entry.phone_home, entry.hostname, entry.address) == (NONCE, "core-1", "10.98.0.11")
    assert (entry.macs, entry.args, entry.mode) == (("52:54:00:98:00:01",), ("quiet", "console=ttyS0"), Mode.LIVE)
    assert [a.name for a in entry.artefacts] == ["vmlinuz", "initrd.img"]
    assert entry.deadline == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("came", "more", "state", "detail"),
    [
        (Boot.PENDING, {}, State.PENDING, "node-0: waiting for it to boot"),
        (Boot.LOADING, {}, State.PENDING, "node-0: loading"),
        (Boot.IGNITED, {}, State.RUNNING, "node-0: has its config"),
        (Boot.UP, {}, State.RUNNING, "node-0: up"),
        (Boot.UP, {"failure": "failed units: x"}, State.RUNNING, "node-0: failed units: x"),
        (Boot.LOADING, {"failure": "boot loop"}, State.FAILED, "node-0: boot loop"),
    ],
)
def test_a_machine_is_as_far_as_the_boot_service_saw_it(rack, came, more, state, detail):
    rack.make("core-1", "node-0")
    rack.comes("node-0", came, **more)
    assert (rack.only().state, rack.only().detail) == (state, detail)


def test_an_installing_machine_runs_when_it_is_installed(rack):
    rack.store.directory.mkdir(parents=True)
    request = rack.request("core-1", "node-0", mode="install")
    error = failure(rack.provider(serve=[]).create([request]))
    assert error.kind is Kind.UNAVAILABLE
    assert "PV598" in str(error)
    assert rack.power("node-0") == ""


def test_the_same_request_claims_once_and_does_not_restart_what_boots(rack):
    first = rack.make("core-1", "node-0")
    rack.comes("node-0", Boot.LOADING)
    (rack.root / "power-node-0").write_text("untouched")
    second = rack.make("core-1", "node-0")
    assert second.id == first.id
    assert rack.power("node-0") == "untouched"
    rack.comes("node-0", Boot.UP, boots=0)
    rack.make("core-1", "node-0")
    assert rack.power("node-0") == "untouched"


def test_a_claimed_machine_is_not_free(rack):
    rack.make("core-1", "node-0")
    other = failure(rack.provider().create([rack.request("core-1", "node-0", uid=OTHER)]))
    assert (other.kind, "core-1 of cluster rack" in str(other)) == (Kind.CONFLICT, True)
    again = failure(rack.provider().create([rack.request("core-1", "node-0", generation=2)]))
    assert again.kind is Kind.ALREADY_EXISTS


def test_a_power_fault_is_the_machines_own_and_leaves_it_claimed(rack):
    broken = {**rack.options["inventory"]["node-1"], "power": {"network_boot": ["false"]}}
    inventory = {**rack.options["inventory"], "node-1": broken}
    provider = rack.provider(inventory=inventory)
    batch = [rack.request(f"core-{n}", f"node-{n}") for n in range(3)]
    outcomes = {o.name: o for o in provider.create(batch)}
    assert [name for name, o in outcomes.items() if o.error] == ["core-1"]
    assert "node-1: false ended with 1" in str(outcomes["core-1"].error)
    assert outcomes["core-1"].error.retryable
    assert [rack.power(f"node-{n}") for n in range(3)] == ["network", "", "network"]
    assert made(rack.provider().create([batch[1]])).id == next(
        o.id for o in rack.provider().list(Owner("rack", UID)) if o.name == "core-1"
    )
    assert rack.power("node-1") == "network"


def test_a_machine_that_was_switched_off_is_stopped_and_comes_back(rack):
    machine = rack.make("core-1", "node-0", mode="live")
    rack.comes("node-0", Boot.UP)
    rack.provider().power(machine, False)
    assert rack.only().state is State.STOPPED
    before = rack.store.get("node-0")
    with pytest.raises(ProviderError, match="PV598"):  # it would find nobody to boot from
        rack.provider(serve=[]).power(machine, True)
    assert rack.power("node-0") == "off"
    assert rack.store.get("node-0") == before


def test_a_silent_controller_does_not_hide_the_machine(rack):
    rack.make("core-1", "node-0")
    rack.comes("node-0", Boot.UP)
    mute = {**rack.options["power"], "status": ["false"]}
    (machine,) = rack.provider(power=mute).list(Owner("rack", UID))
    assert machine.state is State.RUNNING
    assert "false ended with 1" in machine.detail


def test_deleting_switches_off_first_and_releases(rack):
    machine = rack.make("core-1", "node-0")
    broken = {**rack.options["power"], "power_off": ["false"]}
    assert failure(rack.provider(power=broken).delete([machine])).retryable
    assert rack.store.get("node-0") is not None
    (outcome,) = rack.provider().delete([machine])
    assert outcome.error is None
    assert rack.power("node-0") == "off"
    assert rack.store.get("node-0") is None


def test_down_needs_no_spec(rack):
    """The entry holds how its machine is switched off."""
    machine = rack.make("core-1", "node-0")
    (outcome,) = rack.provider(inventory={}, power={}).delete([machine])
    assert outcome.error is None
    assert rack.power("node-0") == "off"


def test_a_person_is_told_what_to_do(rack):
    inventory = {"node-0": {"mac": "52:54:00:98:00:00", "power": {"kind": "manual", "where": "rack 1, place 7"}}}
    provider = rack.provider(inventory=inventory)
    (outcome,) = provider.create([rack.request("core-1", "node-0")])
    assert outcome.notes == ("switch on node-0 (rack 1, place 7) now, and let it boot from the network",)
    (gone,) = provider.delete([outcome.observed])
    assert gone.notes[0].startswith("switch off node-0 (rack 1, place 7)")


def test_a_later_deadline_reaches_the_boot_service(rack):
    machine = rack.make("core-1", "node-0")
    assert machine.labels
    (outcome,) = rack.provider().change([Change(machine, labels=machine.labels.expiring("2031-01-01T00:00:00Z"))])
    assert outcome.error is None
    entry = rack.store.get("node-0")
    assert entry is not None
    assert entry.deadline == "2031-01-01T00:00:00Z"
    assert rack.store.config(entry) == PAYLOAD.encode()


def test_the_report_carries_the_nonce_by_which_it_came(rack):
    machine = rack.make("core-1", "node-0")
    assert rack.provider().report(machine) == ""
    rack.comes("node-0", Boot.UP, report={"machine": "core-1", "failed": []})
    assert json.loads(rack.provider().report(machine)) == {"machine": "core-1", "nonce": NONCE, "failed": []}


def test_a_later_story_forgets_the_report_of_the_earlier_one(rack):
    machine = rack.make("core-1", "node-0")
    rack.comes("node-0", Boot.UP, report={"machine": "core-1", "failed": []})
    (outcome,) = rack.provider().delete([machine])
    assert outcome.error is None
    rack.make("core-1", "node-0")
    assert rack.only().state is State.PENDING


def test_machines_that_nobody_claims_are_named_where_the_inventory_knows_them(rack):
    seen = [Stranger(mac, last=when, count=2) for when, mac in ((1.0, "52:54:00:98:00:01"), (2.0, "52:54:00:ff:ff:ff"))]
    States(rack.store.directory).write(strangers=seen)
    assert [(s["name"], s["mac"], s["last"]) for s in rack.provider().strangers()] == [
        ("", "52:54:00:ff:ff:ff", "1970-01-01T00:00:02Z"),
        ("node-1", "52:54:00:98:00:01", "1970-01-01T00:00:01Z"),
    ]
