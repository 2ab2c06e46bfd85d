"""The engine on EC2: nothing lost, nothing double, whatever the cloud does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.errors import PartialFailure
from provision.model import MACHINE, State
from tests.emulated.ec2 import lab
from tests.emulated.ec2.bench import Bench, failures

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.ec2.lab import Strict

ZONES = ("us-east-1a", "us-east-1b")
LOST = {"reset": True, "after": True}


def machines(strict: Strict) -> int:
    return len(strict.world().get("machine", []))


def test_up_and_down_on_a_network_of_its_own(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(lab.options(strict), tmp_path, zones=ZONES, addresses=True)
    result = bench.up()
    assert sorted(key.name for key in result.observed) == bench.names() == bench.wanted_names()
    found = {key.name: o for key, o in result.observed.items() if key.kind == MACHINE}
    assert found["demo-core-1"].addresses["private"] == "10.99.0.10"
    assert {o.state for o in found.values()} == {State.RUNNING}
    strict.ask("baseline", {})
    bench.up()
    assert not [a for a in strict.counts() if not a.startswith("Describe")]  # nothing to do, nothing done
    bench.down()
    assert bench.names() == []


def test_down_leaves_nothing(strict: Strict, tmp_path: Path) -> None:
    bench = Bench(lab.options(strict), tmp_path)
    bench.up()
    bench.down()
    assert strict.world() == {}


def test_the_state_lost_labels_alone_take_the_cluster_down(strict: Strict, tmp_path: Path) -> None:
    Bench(lab.options(strict), tmp_path / "a").up()
    Bench(lab.options(strict), tmp_path / "b").down()
    assert strict.world() == {}


def test_voters_go_singly_and_the_rest_together(existing: Json, strict: Strict, tmp_path: Path) -> None:
    Bench(existing, tmp_path, voters=3, workers=20).up()
    assert strict.counts()["RunInstances"] == 3 + 1
    assert machines(strict) == 23


@pytest.mark.parametrize("network", ["own", "existing"])
def test_every_mutating_call_lost_once(existing: Json, strict: Strict, tmp_path: Path, network: str) -> None:
    bench = Bench(existing if network == "existing" else lab.options(strict), tmp_path)
    actions = [
        "CreateVpc", "CreateInternetGateway", "AttachInternetGateway", "CreateRouteTable", "CreateRoute",
        "CreateSubnet", "AssociateRouteTable", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress",
        "ImportKeyPair", "RunInstances", "TerminateInstances", "DeleteKeyPair", "DeleteSecurityGroup", "DeleteSubnet",
        "DisassociateRouteTable", "DeleteRouteTable", "DetachInternetGateway", "DeleteInternetGateway", "DeleteVpc",
    ]  # fmt: skip
    strict.faults(*({"action": action, "times": 1, **LOST} for action in actions))
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert machines(strict) == 5
    bench.down()
    assert strict.world() == {}


def test_a_full_zone_is_left_for_the_next(existing: Json, strict: Strict, tmp_path: Path) -> None:
    strict.faults({"action": "RunInstances", "zone": ZONES[0], "code": "InsufficientInstanceCapacity", "status": 500})
    result = Bench(existing, tmp_path, zones=ZONES).up()
    assert {o.zone for key, o in result.observed.items() if key.kind == MACHINE} == {ZONES[1]}
    assert machines(strict) == 5


def test_throttling_is_yielded_to(existing: Json, strict: Strict, tmp_path: Path) -> None:
    strict.faults({"action": "RunInstances", "code": "RequestLimitExceeded", "status": 503, "times": 4})
    Bench(existing, tmp_path).up()
    assert machines(strict) == 5


def test_reads_that_lag_make_no_second_machine(existing: Json, strict: Strict, tmp_path: Path) -> None:
    strict.faults(
        {"action": "RunInstances", "times": 2, **LOST},
        {"action": "DescribeInstances", "empty": True, "times": 4},
    )
    bench = Bench(existing, tmp_path)
    bench.up()
    assert machines(strict) == 5
    assert bench.names() == bench.wanted_names()


def test_a_quota_fails_what_it_must_and_keeps_the_rest(existing: Json, strict: Strict, tmp_path: Path) -> None:
    bench = Bench(existing, tmp_path, voters=0, workers=3, own_payloads=True)
    strict.faults({"action": "RunInstances", "code": "VcpuLimitExceeded", "status": 400, "times": 1})
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    [reason] = failures(caught.value).values()
    assert "VcpuLimitExceeded" in reason
    assert machines(strict) == 2
    bench.up()
    assert machines(strict) == 3


def test_a_machine_that_was_terminated_by_another_hand_comes_back_under_a_new_generation(
    existing: Json, strict: Strict, tmp_path: Path
) -> None:
    bench = Bench(existing, tmp_path, voters=1, workers=0)
    bench.up()
    strict.client().terminate_instances(InstanceIds=strict.world()["machine"])
    bench.up()
    [machine] = [o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert machine.labels is not None
    assert machine.labels.generation == 2


# A list of a network of its own takes eight calls, which must all get through: hence fewer faults there.
@pytest.mark.parametrize(("network", "workers", "share"), [("existing", 9, 0.3), ("own", 2, 0.1)])
def test_calls_fail_at_random(
    existing: Json, strict: Strict, tmp_path: Path, network: str, workers: int, share: float
) -> None:
    given = existing if network == "existing" else lab.options(strict)
    bench = Bench(given, tmp_path, workers=workers, own_payloads=True)
    faults: list[Json] = [
        {"code": "RequestLimitExceeded", "status": 503, "chance": 0.01},  # few, since the engine slows down at each
        {"code": "InternalError", "status": 500, "chance": share / 3},
        {"code": "InternalError", "status": 500, "after": True, "chance": share / 3},
        {**LOST, "chance": share / 3},
    ]
    strict.faults(*({"action": "*", **fault} for fault in faults), seed=1)
    bench.until_up(3)
    strict.faults()
    assert bench.names() == bench.wanted_names()
    assert machines(strict) == 3 + workers
    strict.faults(*({"action": "*", **fault} for fault in faults), seed=2)
    bench.until_down(3)
    strict.faults()
    assert strict.world() == {}
