"""The engine on GCE: nothing lost, nothing double, whatever the cloud does to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.errors import PartialFailure
from provision.model import MACHINE, State
from tests.emulated.gce import lab
from tests.emulated.gce.bench import Bench, failures

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.gce.lab import Strict

LOST = {"reset": True, "after": True}
MUTATING = [
    "networks.insert", "subnetworks.insert", "firewalls.insert", "instances.insert", "instances.bulkInsert",
    "instances.delete", "firewalls.delete", "subnetworks.delete", "networks.delete",
]  # fmt: skip


def machines(strict: Strict) -> int:
    return len(strict.world().get("instances", []))


def test_up_and_down_on_a_network_of_its_own(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(lab.options(), tmp_path, addresses=True)
    result = bench.up()
    assert sorted(key.name for key in result.observed) == bench.names() == bench.wanted_names()
    found = {key.name: o for key, o in result.observed.items() if key.kind == MACHINE}
    assert found["demo-core-1"].addresses["private"] == "10.99.0.10"
    assert {o.state for o in found.values()} == {State.RUNNING}
    strict.ask("baseline", {})
    bench.up()
    assert not [a for a in strict.counts() if not a.lower().endswith("list")]  # nothing to do, nothing done
    bench.down()
    assert strict.world() == {}


def test_the_state_lost_labels_alone_take_the_cluster_down(strict: Strict, tmp_path: Path) -> None:
    Bench(lab.options(), tmp_path / "a").up()
    Bench(lab.options(), tmp_path / "b").down()
    assert strict.world() == {}


def test_voters_go_singly_and_the_rest_together(existing: Json, strict: Strict, tmp_path: Path) -> None:
    Bench(existing, tmp_path, voters=3, workers=20).up()
    counts = strict.counts()
    assert (counts["instances.insert"], counts["instances.bulkInsert"]) == (3, 1)
    assert machines(strict) == 23


@pytest.mark.parametrize("network", ["own", "existing"])
def test_every_mutating_call_lost_once(existing: Json, strict: Strict, tmp_path: Path, network: str) -> None:
    bench = Bench(existing if network == "existing" else lab.options(), tmp_path)
    waits = ("zoneOperations.wait", "regionOperations.wait", "globalOperations.wait")
    strict.faults(*({"action": action, "times": 1, **LOST} for action in (*MUTATING, *waits)))
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert machines(strict) == 5
    bench.down()
    assert strict.world() == {}


def test_a_full_zone_is_left_for_the_next(existing: Json, strict: Strict, tmp_path: Path) -> None:
    full = {"zone": lab.ZONE, "code": "ZONE_RESOURCE_POOL_EXHAUSTED"}
    strict.faults(*({"action": action, **full} for action in ("instances.insert", "instances.bulkInsert")))
    result = Bench(existing, tmp_path).up()
    assert {o.zone for key, o in result.observed.items() if key.kind == MACHINE} == {lab.ZONES[1]}
    assert machines(strict) == 5


def test_a_zone_that_was_full_yesterday_is_asked_again(existing: Json, strict: Strict, tmp_path: Path) -> None:
    """GCE tells a failed operation again under its request id; that must not be for ever."""
    bench = Bench(existing, tmp_path, zones=lab.ZONES[:1])
    full = {"code": "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"}
    strict.faults(*({"action": action, **full} for action in ("instances.insert", "instances.bulkInsert")))
    with pytest.raises(PartialFailure):
        bench.up()
    assert machines(strict) == 0
    strict.faults()
    bench.up()
    assert machines(strict) == 5


def test_throttling_is_yielded_to(existing: Json, strict: Strict, tmp_path: Path) -> None:
    strict.faults({"action": "mutating", "reason": "rateLimitExceeded", "status": 403, "times": 4})
    Bench(existing, tmp_path).up()
    assert machines(strict) == 5


def test_a_server_that_is_too_busy_to_hold_a_wait(existing: Json, strict: Strict, tmp_path: Path) -> None:
    strict.set(latency=0.3)
    strict.faults({"action": "zoneOperations.wait", "busy": True})
    Bench(existing, tmp_path, voters=1).up()
    assert machines(strict) == 3
    assert strict.ask("ever") == 3


def test_a_quota_fails_what_it_must_and_keeps_the_rest(existing: Json, strict: Strict, tmp_path: Path) -> None:
    bench = Bench(existing, tmp_path, voters=0, workers=3, own_payloads=True)
    strict.set(quotas={"CPUS": 4.0})
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    [reason] = failures(caught.value).values()
    assert "QUOTA_EXCEEDED" in reason or "Quota 'CPUS' exceeded" in reason
    assert machines(strict) == 2
    strict.set(quotas={})
    bench.up()
    assert machines(strict) == 3


def test_a_machine_that_was_deleted_by_another_hand_comes_back_under_a_new_generation(
    existing: Json, strict: Strict, tmp_path: Path
) -> None:
    bench = Bench(existing, tmp_path, voters=1, workers=0)
    bench.up()
    assert strict.send("DELETE", f"zones/{lab.ZONE}/instances/demo-core-1")[0] == 200
    strict.wait_settled()
    bench.up()
    [machine] = [o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert machine.labels is not None
    assert machine.labels.generation == 2


def test_a_name_that_is_somebody_elses_is_told_and_left_alone(existing: Json, strict: Strict, tmp_path: Path) -> None:
    other = "0e7f6a52-6a3c-4ae0-8a6e-3f1c6f1f9b11"
    [request] = lab.requests(existing, ["demo-core-1"])
    theirs = replace(request, labels=replace(request.labels, uid=other, cluster="x"), token=other)
    lab.good(lab.provider(existing, tmp_path).create([theirs]))
    with pytest.raises(PartialFailure) as caught:
        Bench(existing, tmp_path, voters=1, workers=1).up()
    assert other in " ".join(failures(caught.value).values())
    assert strict.ask("ever") == 2


@pytest.mark.parametrize(("network", "workers", "share"), [("existing", 6, 0.2), ("own", 2, 0.2)])
def test_calls_fail_at_random(
    existing: Json, strict: Strict, tmp_path: Path, network: str, workers: int, share: float
) -> None:
    bench = Bench(existing if network == "existing" else lab.options(), tmp_path, workers=workers, own_payloads=True)
    faults: list[Json] = [
        {"reason": "rateLimitExceeded", "status": 403, "chance": 0.01},  # few, since the engine slows down at each
        {"reason": "backendError", "status": 503, "chance": share / 3},
        {"reason": "backendError", "status": 503, "after": True, "chance": share / 3},
        {**LOST, "chance": share / 3},
    ]
    strict.faults(*({"action": "*", **fault} for fault in faults), seed=1)
    bench.until_up(6)
    strict.faults()
    assert bench.names() == bench.wanted_names()
    assert machines(strict) == 3 + workers == strict.ask("ever")
    strict.faults(*({"action": "*", **fault} for fault in faults), seed=2)
    bench.until_down(6)
    strict.faults()
    assert strict.world() == {}
