"""The engine on OpenStack: nothing lost, nothing double, whatever the cloud does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.errors import PartialFailure
from provision.model import MACHINE, State
from tests.emulated.openstack import lab
from tests.emulated.openstack.bench import Bench, failures

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.openstack.lab import Strict

LOST = {"reset": True, "after": True}
GROUPED = {"server_group": {"name": "core", "policy": "soft-anti-affinity"}}


def machines(strict: Strict) -> int:
    return len(strict.world().get("machine", []))


def test_up_and_down_on_a_network_of_its_own(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(GROUPED, tmp_path, floating=True)
    result = bench.up()
    assert sorted(key.name for key in result.observed) == bench.names() == bench.wanted_names()
    found = {o.name: o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE}
    assert found["demo-core-1"].addresses["private"] == "10.99.0.10"
    assert all(o.addresses["public"].startswith("198.51.100.") for o in found.values())
    assert {o.state for o in found.values()} == {State.RUNNING}
    strict.ask("forget", {})
    bench.up()
    assert not [call for call in strict.counts() if not call.startswith("GET ")]  # nothing to do, nothing done
    bench.down()
    assert strict.world() == {}


def test_the_state_lost_labels_and_names_alone_take_the_cluster_down(strict: Strict, tmp_path: Path) -> None:
    Bench(GROUPED, tmp_path / "a", floating=True).up()
    Bench(GROUPED, tmp_path / "b").down()
    assert strict.world() == {}


def test_voters_go_singly_and_the_rest_together(strict: Strict, tmp_path: Path) -> None:
    Bench(lab.PLAIN, tmp_path, voters=3, workers=20).up()
    assert strict.counts()["POST /servers"] == 3 + 1
    assert machines(strict) == 23


def test_scaling_and_replacing(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(lab.PLAIN, tmp_path, voters=1, workers=2)
    bench.up()
    before = set(strict.world()["machine"])
    bench.workers = 4
    bench.up()
    assert before < set(strict.world()["machine"])
    assert machines(strict) == 5
    bench.size = "m1.small"
    bench.up()
    assert before.isdisjoint(strict.world()["machine"])
    assert machines(strict) == 5


def test_every_mutating_call_lost_once(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(GROUPED, tmp_path, floating=True)
    calls = [
        "POST /networks", "POST /subnets", "POST /routers", "PUT /routers/*/add_router_interface",
        "POST /security-groups", "POST /security-group-rules", "POST /os-keypairs", "POST /os-server-groups",
        "POST /servers", "POST /floatingips", "DELETE /servers/*", "DELETE /floatingips/*", "DELETE /os-keypairs/*",
        "DELETE /os-server-groups/*", "DELETE /security-groups/*", "PUT /routers/*/remove_router_interface",
        "DELETE /routers/*", "DELETE /subnets/*", "DELETE /networks/*",
    ]  # fmt: skip
    strict.faults(*({"call": call, "times": 1, **LOST} for call in calls))
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert strict.ask("ever") == machines(strict) == 5
    bench.down()
    assert strict.world() == {}
    missed = [f["call"] for f in strict.ask("faults_left")]
    assert missed == []


def test_throttling_is_yielded_to(strict: Strict, tmp_path: Path) -> None:
    strict.faults({"call": "POST /servers", "status": 429, "code": "overLimit", "times": 3})
    Bench(lab.PLAIN, tmp_path).up()
    assert strict.ask("ever") == machines(strict) == 5


def test_no_valid_host_is_told_with_its_fault_and_made_anew(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(lab.PLAIN, tmp_path, voters=0, workers=2, size="m1.giant")
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert all("No valid host was found" in reason for reason in failures(caught.value).values())
    assert machines(strict) == 2  # they are there, and count against the quota
    bench.size = "m1.tiny"
    bench.up()
    found = [o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert {(o.state, o.labels.generation) for o in found if o.labels} == {(State.RUNNING, 2)}
    assert machines(strict) == 2


def test_a_quota_refuses_the_batch_and_keeps_the_rest(strict: Strict, tmp_path: Path) -> None:
    strict.ask("quota", {"instances": 4})
    bench = Bench(lab.PLAIN, tmp_path)
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert all("Quota exceeded for instances" in reason for reason in failures(caught.value).values())
    # Whoever comes first: three members and no batch, or a batch and two members.
    assert machines(strict) in (3, 4)
    strict.ask("quota", {"instances": 5})
    bench.up()
    assert machines(strict) == 5


def test_a_machine_that_another_hand_deleted_comes_back_with_its_floating_address(
    strict: Strict, tmp_path: Path
) -> None:
    bench = Bench({}, tmp_path, voters=1, workers=0, floating=True)
    bench.up()
    [machine] = [o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE]
    bench.cloud._cloud.call("compute", "DELETE", f"/servers/{machine.id}")
    for _ in range(3):  # the first may still see it go
        bench.until_up(3)
    [again] = [o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert again.labels is not None
    assert (again.labels.generation, again.id != machine.id) == (2, True)
    assert again.addresses["public"]
    assert len(strict.world()["floating-ip"]) == 1


@pytest.mark.parametrize(("given", "workers"), [(lab.PLAIN, 6), ({"floating_ip": True}, 2)])
def test_a_fifth_of_all_calls_fails_at_random(strict: Strict, tmp_path: Path, given: Json, workers: int) -> None:
    bench = Bench(given, tmp_path, workers=workers, own_payloads=True, floating=given["floating_ip"])
    faults: list[Json] = [
        {"status": 429, "code": "overLimit", "chance": 0.01},  # few, since the engine slows down at each
        {"status": 500, "chance": 0.03},
        {"status": 503, "after": True, "chance": 0.06},
        {**LOST, "chance": 0.1},
    ]
    strict.faults(*({"call": "mutating", **fault} for fault in faults), {"call": "*", "status": 500, "chance": 0.02})
    bench.until_up(4)
    strict.faults()
    assert bench.names() == bench.wanted_names()
    assert machines(strict) == 3 + workers
    strict.faults(*({"call": "mutating", **fault} for fault in faults), seed=2)
    bench.until_down(4)
    strict.faults()
    assert strict.world() == {}
