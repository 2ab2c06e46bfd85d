"""Parts through the contract: made once, adopted when ours, taken down in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind
from provision.model import Change, State
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from provision_gce import GCE
    from tests.emulated.gce.lab import Strict

SOURCES = ("203.0.113.0/24", "2001:db8::/32")


@pytest.fixture
def cloud(strict: Strict, tmp_path: Path) -> GCE:
    return lab.provider(lab.options(), tmp_path)


def rules(strict: Strict) -> dict[str, Json]:
    items = strict.send("GET", "global/firewalls")[1].get("items", [])
    return {item["name"].rpartition("-")[2]: item for item in items}


@pytest.mark.parametrize("forgotten", [False, True], ids=["known", "forgotten"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_part_whose_answer_was_lost_is_found_again(cloud: GCE, strict: Strict, after: bool, forgotten: bool) -> None:
    made: dict[str, dict[str, str]] = {}
    for part in cloud.parts(lab.wanted(lab.options(), ["demo-core-1"])):
        request = replace(part, inputs={name: made[name] for name in part.needs})
        strict.faults({"action": f"{part.kind}s.insert", "reset": True, "after": after, "times": 1})
        [outcome] = cloud.create([request])
        assert outcome.error is not None
        assert outcome.error.kind is Kind.AMBIGUOUS
        if forgotten:
            strict.ask("tomorrow", {})
        [found] = lab.good(cloud.create([request]))
        made[part.name] = dict(found.outputs)
    assert {o.name: dict(o.outputs) for o in cloud.list(lab.OWNER)} == made
    assert {kind: len(names) for kind, names in strict.world().items()} == {
        "networks": 1,
        "subnetworks": 1,
        "firewalls": 2,
    }


def test_etcd_is_open_within_the_cluster_alone_and_ssh_to_the_specs_networks(cloud: GCE, strict: Strict) -> None:
    lab.make_parts(cloud, cloud.parts(lab.wanted(lab.options(), ["a"], ssh_from=SOURCES)))
    found, tag = rules(strict), f"provision-{lab.UID}"
    assert set(found) == {"within", "ssh", "ssh6"}
    assert all(rule["targetTags"] == [tag] and rule["direction"] == "INGRESS" for rule in found.values())
    assert (found["within"]["sourceTags"], found["within"]["allowed"]) == ([tag], [{"IPProtocol": "all"}])
    assert "sourceRanges" not in found["within"]
    assert (found["ssh"]["sourceRanges"], found["ssh6"]["sourceRanges"]) == ([SOURCES[0]], [SOURCES[1]])
    assert found["ssh"]["allowed"] == found["ssh6"]["allowed"] == [{"IPProtocol": "tcp", "ports": ["22"]}]


def test_ssh_from_nowhere_makes_no_rule(cloud: GCE) -> None:
    parts = cloud.parts(lab.wanted(lab.options(), ["a"], ssh_from=()))
    assert [p.name for p in parts] == ["gce.network", "gce.subnetwork", "gce.firewall.within"]


def test_ssh_networks_are_changed_in_place(cloud: GCE, strict: Strict) -> None:
    lab.make_parts(cloud, cloud.parts(lab.wanted(lab.options(), ["a"])))
    [rule] = [o for o in cloud.list(lab.OWNER) if o.name == "gce.firewall.ssh"]
    new = ["10.0.0.0/8", "198.51.100.7/32"]
    for _ in range(2):
        lab.good(cloud.change([Change(rule, body={"ssh_from": new})]))
    assert rules(strict)["ssh"]["sourceRanges"] == new
    [outcome] = cloud.change([Change(rule, body={"network": "default"})])
    assert outcome.error is not None
    assert outcome.error.kind is Kind.UNSUPPORTED


def test_a_deadline_is_moved_on_all_parts(cloud: GCE, strict: Strict) -> None:
    lab.make_parts(cloud, cloud.parts(lab.wanted(lab.options(), ["a"])))
    later = "2041-06-01T00:00:00Z"
    things = list(cloud.list(lab.OWNER))
    changed = lab.good(cloud.change([Change(o, labels=o.labels.expiring(later)) for o in things if o.labels]))
    assert {o.labels for o in cloud.list(lab.OWNER)} == {o.labels for o in changed}
    assert {o.labels.expires for o in changed if o.labels} == {later}


def test_what_is_in_use_is_a_conflict_that_passes(cloud: GCE, strict: Strict) -> None:
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(lab.options(), ["demo-core-1"])))
    machines = lab.good(cloud.create(lab.requests(lab.options(), ["demo-core-1"], made)))
    shared = {o.kind: o for o in cloud.list(lab.OWNER)}
    for kind in ("subnetwork", "network"):
        [outcome] = cloud.delete([shared[kind]])
        assert outcome.error is not None
        assert (outcome.error.kind, outcome.error.retryable) == (Kind.CONFLICT, True)
    list(cloud.delete(machines))
    strict.wait_settled()
    for kind in reversed(cloud.traits.kinds):
        lab.good(cloud.delete([o for o in cloud.list(lab.OWNER) if o.kind == kind]))
    assert strict.world() == {}


def test_an_existing_network_is_left_alone(existing: Json, strict: Strict, tmp_path: Path) -> None:
    given = {**existing, "network": {k: v for k, v in existing["network"].items() if k != "tags"}}
    cloud = lab.provider(given, tmp_path)
    made = lab.make_parts(cloud, cloud.parts(lab.wanted(given, ["demo-w-1"])))
    assert set(made) == {"gce.firewall.within", "gce.firewall.ssh"}
    lab.good(cloud.create(lab.requests(given, ["demo-w-1"], made)))
    assert strict.machine("demo-w-1")["tags"]["items"] == [f"provision-{lab.UID}"]
    for kind in ("machine", "firewall"):
        list(cloud.delete([o for o in cloud.list(lab.OWNER) if o.kind == kind]))
        strict.wait_settled()
    assert strict.world() == {}
    assert strict.send("GET", "global/networks/default")[0] == 200


def test_a_part_of_somebody_elses_is_not_adopted(cloud: GCE, strict: Strict) -> None:
    name = f"provision-{lab.UID}-network"
    strict.ask("add", {"kind": "networks", "place": "", "item": {"name": name, "description": "mine"}})
    [outcome] = cloud.create([cloud.parts(lab.wanted(lab.options(), ["a"]))[0]])
    assert outcome.error is not None
    assert outcome.error.kind is Kind.INVALID
    assert list(cloud.list(lab.OWNER)) == []


def test_a_part_that_was_deleted_since_is_told(cloud: GCE, strict: Strict) -> None:
    [network, *_] = cloud.parts(lab.wanted(lab.options(), ["a"]))
    lab.good(cloud.delete(lab.good(cloud.create([network]))))
    assert [o.state for o in lab.good(cloud.create([network]))] == [State.DELETING]
