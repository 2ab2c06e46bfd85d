"""The preflight: what stands in the way is said before anything is claimed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.providers.pxe.kit import Rack

OTHER = "7a7e9f0d-3b59-4a6f-a0cf-0f3d2d6b7c55"


@pytest.fixture
def rack(tmp_path) -> Rack:
    return Rack(tmp_path)


def findings(rack: Rack, *machines, **options) -> dict[str, str]:
    provider = rack.provider(**options)
    report = provider.check(replace(rack.wanted(*machines), options=provider.options))
    return {f.code: f.message for f in report}


def test_a_good_cluster_has_nothing_in_its_way(rack):
    assert findings(rack, *(rack.machine(f"core-{n}", f"node-{n}") for n in range(3))) == {}


def test_too_few_machines(rack):
    machines = [rack.machine("core-0", "node-0"), *(rack.machine(f"core-{n}", select={"rack": "even"}) for n in (1, 2))]
    told = findings(rack, *machines)["PV591"]
    assert told == (
        "pool core wants 3 machines and 2 of them find none: 2 of the inventory's 3 fit (rack=even), "
        "and each serves one"
    )


def test_an_unknown_machine_and_one_that_is_claimed_twice(rack):
    assert "node-9 is not in the inventory" in findings(rack, rack.machine("core-0", "node-9"))["PV592"]
    twice = [rack.machine("core-0", "node-0"), rack.machine("core-1", "node-0")]
    assert "claimed twice" in findings(rack, *twice)["PV592"]


def test_a_machine_of_another_cluster_is_not_free(rack):
    (made,) = rack.provider().create([rack.request("web-1", "node-0", uid=OTHER)])
    assert made.error is None
    report = rack.provider().check(rack.wanted(rack.machine("core-0", "node-0")))
    (finding,) = report.errors
    assert finding.code == "PV593"
    assert finding.message == "node-0 serves cluster rack as web-1 already"
    assert "node-1, node-2" in str(finding.hint)


def test_machines_that_cannot_be_told_apart(rack):
    same = {name: {**entry, "mac": "52:54:00:98:00:00"} for name, entry in rack.options["inventory"].items()}
    assert "52:54:00:98:00:00 is written at" in findings(rack, inventory=same)["PV594"]
    address = {name: {**entry, "address": "10.98.0.9"} for name, entry in rack.options["inventory"].items()}
    assert "10.98.0.9 is given to" in findings(rack, inventory=address)["PV594"]


def test_addresses(rack):
    away = {"node-0": {"mac": "52:54:00:98:00:00", "address": "192.168.7.7"}}
    assert "is not in 10.98.0.0/24" in findings(rack, rack.machine("core-0", "node-0"), inventory=away)["PV594"]
    none = {"node-0": {"mac": "52:54:00:98:00:00"}}
    voter = replace(rack.machine("core-0", "node-0"), address="10.98.0.77")
    assert "10.98.0.77 is planned" in findings(rack, voter, inventory=none)["PV595"]


def test_power_that_cannot_be_used(rack):
    machine = rack.machine("core-0", "node-0")
    assert "no power control 'psychic'" in findings(rack, machine, power={"kind": "psychic"})["PV596"]
    assert "has no setting volts" in findings(rack, machine, power={"kind": "manual", "volts": 5})["PV596"]
    assert "needs power_off" in findings(rack, machine, power={"kind": "command", "power_on": ["true"]})["PV596"]
    mute = {**rack.options["power"], "status": ["false"]}
    assert "false ended with 1" in findings(rack, machine, power=mute)["PV596"]


def test_what_cannot_be_booted_or_installed(rack):
    machine = rack.machine("core-0", "node-0")
    nameless = replace(machine, image="", options={**machine.options, "image": ""})
    assert "no image is named" in findings(rack, nameless)["PV597"]
    assert "no image that machines boot" in findings(rack, replace(machine, image=str(rack.root)))["PV597"]
    install = {**machine.options, "mode": "install"}
    bare = {"node-0": {"mac": "52:54:00:98:00:00", "address": "10.98.0.10"}}
    assert "has no disk" in findings(rack, replace(machine, options=install), inventory=bare)["PV597"]
    (rack.image / "image.json").write_text('{"kernel": "vmlinuz"}')
    assert "brings no image" in findings(rack, replace(machine, options=install))["PV597"]
    assert "cannot be installed" in findings(rack, replace(machine, os="debian", options=install))["PV597"]


def test_machines_that_run_are_not_asked_again(rack):
    rack.make("core-0", "node-0")
    mute = {**rack.options["power"], "status": ["false"]}
    assert findings(rack, rack.machine("core-0", "node-0"), power=mute) == {}


def test_no_boot_service_and_nobody_to_start_one(rack):
    assert "no boot service runs" in findings(rack, rack.machine("core-0", "node-0"), serve=[])["PV598"]
