"""The engine on Rackspace: nothing lost, nothing double, whatever the cloud does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.errors import PartialFailure
from provision.model import MACHINE, State
from tests.emulated.rackspace import lab
from tests.emulated.rackspace.bench import Bench, failures

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.rackspace.lab import Strict

LOST = {"reset": True, "after": True}


def machines(strict: Strict) -> int:
    return len(strict.world().get("machine", []))


def test_up_and_down(strict: Strict, tmp_path: Path) -> None:
    bench = Bench({}, tmp_path, voters=1)
    result = bench.up()
    assert sorted(key.name for key in result.observed) == bench.names() == bench.wanted_names()
    found = {o.name: o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE}
    assert {o.state for o in found.values()} == {State.RUNNING}
    assert all(o.addresses["private"].startswith("10.99.0.") for o in found.values())
    assert all(o.addresses["public"].startswith("198.101.") for o in found.values())
    strict.ask("forget", {})
    bench.up()
    assert not [call for call in strict.counts() if not call.startswith("GET ")]  # nothing to do, nothing done
    bench.workers = 4
    bench.up()
    bench.size = "general1-4"
    bench.up()
    assert (machines(strict), strict.ask("ever")) == (5, 3 + 2 + 5)
    Bench({}, tmp_path / "elsewhere").down()  # the state lost: labels and names alone take the cluster down
    assert strict.world() == {}


def test_every_mutating_call_lost_once(strict: Strict, tmp_path: Path) -> None:
    bench = Bench({}, tmp_path)
    calls = ["POST /os-networksv2", "POST /os-keypairs", "POST /servers", "DELETE /servers/*"]
    calls += ["DELETE /os-networksv2/*", "DELETE /os-keypairs/*"]
    strict.faults(*({"call": call, "times": 1, **LOST} for call in calls))
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert strict.ask("ever") == machines(strict) == 5
    bench.down()
    assert strict.world() == {}
    assert strict.ask("faults_left") == []


@pytest.mark.parametrize("status", [413, 429])
def test_throttling_is_yielded_to(strict: Strict, tmp_path: Path, status: int) -> None:
    message = "This request was rate-limited."
    strict.faults({"call": "POST /servers", "status": status, "message": message, "times": 3})
    Bench({}, tmp_path, voters=1, workers=1).up()
    assert strict.ask("ever") == machines(strict) == 2


def test_a_machine_in_error_is_told_with_its_fault_deleted_and_made_anew(strict: Strict, tmp_path: Path) -> None:
    bench = Bench({}, tmp_path, voters=0, workers=2)
    strict.ask("set", {"switches": {"server_error": "1"}})
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert all("No valid host was found" in reason for reason in failures(caught.value).values())
    strict.ask("set", {"switches": {"server_building": "0.3"}})  # and these take their time
    bench.up()
    found = [o for o in bench.cloud.list(lab.OWNER) if o.kind == MACHINE]
    assert {(o.state, o.labels.generation) for o in found if o.labels} == {(State.RUNNING, 2)}
    assert machines(strict) == 2


def test_a_quota_refuses_some_and_keeps_the_rest(strict: Strict, tmp_path: Path) -> None:
    message = "Quota exceeded for instances: Requested 1, but already used 5 of 5 instances"
    strict.faults({"call": "POST /servers", "status": 413, "message": message, "times": 2})
    bench = Bench({}, tmp_path)
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert all("Quota exceeded" in reason for reason in failures(caught.value).values())
    assert machines(strict) == 3
    bench.up()
    assert machines(strict) == 5


def test_a_fifth_of_all_calls_fails_at_random(strict: Strict, tmp_path: Path) -> None:
    bench = Bench({}, tmp_path, workers=5, own_payloads=True)
    faults: list[Json] = [
        {"status": 429, "chance": 0.01},  # few, since the engine slows down at each
        {"status": 500, "chance": 0.03},
        {"status": 503, "after": True, "chance": 0.06},
        {**LOST, "chance": 0.1},
    ]
    strict.faults(*({"call": "mutating", **fault} for fault in faults), {"call": "*", "status": 500, "chance": 0.02})
    bench.until_up(4)
    strict.faults()
    assert bench.names() == bench.wanted_names()
    assert machines(strict) == 8
    strict.faults(*({"call": "mutating", **fault} for fault in faults), seed=2)
    bench.until_down(4)
    strict.faults()
    assert strict.world() == {}
