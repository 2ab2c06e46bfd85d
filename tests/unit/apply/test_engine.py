"""The engine against FakeCloud: the happy way, and everything that a cloud may do to it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.apply.events import What
from provision.apply.retry import Pace
from provision.diagnostics import Report
from provision.errors import Kind, PartialFailure, ProviderError, SpecError, StateError
from provision.model import State
from provision.plan.model import Action
from provision.testing.faults import Fault
from tests.crash.harness import OWNER, QUICK, Bench

if TYPE_CHECKING:
    from pathlib import Path


def _reasons(error: PartialFailure) -> dict[str, str]:
    return dict(error.failures)


def test_up_and_down(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = bench.up()
    assert sorted(k.name for k in result.observed) == bench.names() == bench.wanted_names()
    assert all(o.state is State.RUNNING for o in result.observed.values())
    assert bench.plan().empty
    assert bench.down().observed == {}
    assert bench.names() == []


def test_labels_and_inputs_are_set_with_creation(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.up()
    for thing in bench.cloud.census():
        assert thing.labels
        assert (thing.labels.whose, thing.labels.machine, thing.labels.generation) == (OWNER, thing.name, 1)
        assert thing.labels.expires == bench.labels.expires


def test_calls_for_fifty_machines_with_one_payload(tmp_path: Path) -> None:
    """Machines that are alike go out together; the etcd members singly."""
    bench = Bench(tmp_path, voters=3, workers=50, traits={"batch": 50})
    bench.up()
    calls = bench.cloud.calls()
    assert calls["create"] == 2 + 3 + 1
    assert calls["list"] == 1
    bench.down()
    assert bench.cloud.calls()["delete"] == 1 + 2


def test_machines_with_their_own_payloads_go_singly(tmp_path: Path) -> None:
    bench = Bench(tmp_path, voters=0, workers=7, own_payloads=True)
    bench.up()
    assert bench.cloud.calls()["create"] == 2 + 7
    assert bench.cloud.payload("worker-3") == "v1 worker-3"


def test_alike_recipes_with_other_payloads_go_singly(tmp_path: Path) -> None:
    """Slots may be filled differently for machines whose recipes are the same."""
    bench = Bench(tmp_path, voters=0, workers=4)
    bench.bind = lambda name, _: "shared" if name < "worker-2" else name  # type: ignore[method-assign]
    bench.up()
    assert bench.cloud.calls()["create"] == 2 + 1 + 2
    assert [bench.cloud.payload(f"worker-{n}") for n in range(4)] == ["shared", "shared", "worker-2", "worker-3"]


def test_waits_for_booting_machines_with_one_list_for_all(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options={"boot": 0.1}, pace=replace(QUICK, poll=0.05, poll_cap=0.05))
    bench.up()
    assert all(o.state is State.RUNNING for o in bench.cloud.census())
    assert bench.told()["created"] == 5
    assert bench.cloud.calls()["list"] <= 6


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.UNAVAILABLE])
@pytest.mark.parametrize("op", ["create", "delete", "list"])
def test_retries_what_was_definitely_not_done(tmp_path: Path, op: str, kind: Kind) -> None:
    bench = Bench(tmp_path)
    bench.cloud.inject(Fault(op, kind, times=4))
    bench.up()
    bench.down()
    assert bench.names() == []
    assert max(bench.cloud.ever_made().values()) == 1


@pytest.mark.parametrize("batch", [1, 10])
@pytest.mark.parametrize("idempotent", [True, False])
@pytest.mark.parametrize("done", [True, False])
def test_lost_answers_make_nothing_twice(tmp_path: Path, done: bool, idempotent: bool, batch: int) -> None:
    bench = Bench(tmp_path, traits={"idempotent": idempotent, "batch": batch})
    for name in ("core-1", "worker-0", "lab-network"):
        bench.cloud.inject(Fault("create", done=done, name=name, times=2))
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1
    assert bench.told()["looking"] >= 3


def test_an_exception_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    bench = Bench(tmp_path, voters=0, workers=6)
    bench.cloud.inject(Fault("create", after=3, name="worker-4"), Fault("delete", after=2, name="worker-4"))
    bench.up()
    assert bench.names() == bench.wanted_names()
    bench.down()
    assert bench.names() == []
    assert max(bench.cloud.ever_made().values()) == 1


def test_visibility_may_lag(tmp_path: Path) -> None:
    """A machine whose creation got no answer turns up in the list only later: it is waited for, not made again."""
    options = {"visible": 0.2}
    bench = Bench(tmp_path, options=options, traits={"idempotent": False, "settle": 0.5, "batch": 1})
    bench.cloud.inject(Fault("create", done=True, name="worker-1"))
    bench.up()
    assert bench.cloud.ever_made()["machine", "worker-1"] == 1


def test_a_full_zone_sends_machines_to_the_next(tmp_path: Path) -> None:
    bench = Bench(tmp_path, voters=3, workers=2, zones=("a", "b", "c"), options={"capacity": {"a": 2, "b": 1}})
    bench.up()
    zones = Counter(o.zone for o in bench.cloud.census() if o.kind == "machine")
    assert sum(zones.values()) == 5
    assert zones["a"] <= 2
    assert zones["b"] <= 1
    assert {e.zone for e in bench.events if e.what is What.NEXT_ZONE} == {"b", "c"}
    bench.down()


def test_an_ambiguous_zone_is_not_left(tmp_path: Path) -> None:
    """Another zone is tried after a definite refusal only: a lost answer is looked up in its own zone."""
    bench = Bench(tmp_path, voters=1, workers=0, zones=("a", "b"))
    bench.cloud.inject(Fault("create", done=True, name="core-0", times=3))
    bench.up()
    assert [o.zone for o in bench.cloud.census() if o.kind == "machine"] == ["a"]


def test_all_zones_full_is_a_partial_failure(tmp_path: Path) -> None:
    bench = Bench(tmp_path, zones=("a", "b"), options={"capacity": {"a": 2, "b": 1}})
    with pytest.raises(PartialFailure, match="steps failed") as caught:
        bench.up()
    assert len(caught.value.failures) == 2
    assert all("is full" in reason for _, reason in caught.value.failures)
    assert len(bench.names()) == 2 + 3

    bench.cloud = Bench(tmp_path).cloud  # room again
    bench.zones = ("a", "b")
    bench.up()
    assert bench.names() == bench.wanted_names()
    again = [e for e in bench.state().recorded.entries.values() if e.generation == 2]
    assert len(again) == 2, "a refused generation is used up"


def test_what_came_up_stays_when_something_fails(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.cloud.inject(Fault("create", Kind.QUOTA, name="core-1", times=-1))
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert list(_reasons(caught.value)) == ["create machine core-1"]
    assert "core-1" not in bench.names()
    assert len(bench.names()) == 6
    assert len(bench.engine.result.observed) == 6


def test_what_needs_a_failed_part_is_not_tried(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.cloud.inject(Fault("create", Kind.QUOTA, name="lab-network", times=1))
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert bench.names() == []
    assert bench.cloud.calls()["create"] == 1
    reasons = _reasons(caught.value)
    assert reasons["create firewall lab-firewall"] == "not tried, since lab-network failed"
    assert bench.told()["skipped"] == 6
    bench.up()
    assert bench.names() == bench.wanted_names()


def test_old_machines_outlive_the_failure_of_new_ones(tmp_path: Path) -> None:
    """Machines that the spec no longer has go last, and not at all when what replaces them did not come up."""
    bench = Bench(tmp_path, voters=0, workers=2)
    bench.up()
    bench.voters, bench.workers = 1, 0
    bench.cloud.inject(Fault("create", Kind.QUOTA, name="core-0"))
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert "worker-0" in bench.names()
    assert _reasons(caught.value)["delete machine worker-0"].startswith("not tried")
    bench.up()
    assert bench.names() == bench.wanted_names()


def test_a_failed_machine_is_replaced_by_the_next_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.up()
    bench.cloud.fail("worker-1")
    step = next(s for s in bench.plan().changes)
    assert (step.action, step.reasons, step.generation) == (Action.REPLACE, ("it failed: it was told to fail",), 2)
    bench.up()
    assert bench.plan().empty
    assert bench.cloud.ever_made()["machine", "worker-1"] == 2


def test_a_spent_token_is_not_taken_for_a_machine(tmp_path: Path) -> None:
    """EC2 remembers a token for a day: with the state lost, generation 1 answers with a machine that is gone."""
    bench = Bench(tmp_path, voters=1, workers=2)
    bench.up()
    bench.down()
    (tmp_path / "state").rename(tmp_path / "lost")
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert all(o.state is State.RUNNING for o in bench.cloud.census())
    assert {e.generation for e in bench.state().recorded.entries.values()} == {2}


def test_a_token_used_for_another_request_is_not_used_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, voters=1, workers=0)
    bench.up()
    bench.down()
    (tmp_path / "state").rename(tmp_path / "lost")
    bench.size = "large"
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert {o.size for o in bench.cloud.census() if o.kind == "machine"} == {"large"}


def test_lost_state_is_adopted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.up()
    (tmp_path / "state").rename(tmp_path / "lost")
    assert {s.action for s in bench.plan().steps} == {Action.ADOPT}
    bench.up()
    assert bench.plan().empty
    assert max(bench.cloud.ever_made().values()) == 1
    (tmp_path / "state").rename(tmp_path / "lost-again")
    bench.down()
    assert bench.names() == []


def test_labels_change_in_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.up()
    bench.labels = bench.labels.expiring("2031-01-01T00:00:00Z")
    assert {s.action for s in bench.plan().changes} == {Action.UPDATE}
    bench.up()
    assert {o.labels.expires for o in bench.cloud.census() if o.labels} == {"2031-01-01T00:00:00Z"}
    assert bench.plan().empty
    assert max(bench.cloud.ever_made().values()) == 1


@pytest.mark.parametrize("kind", [Kind.AMBIGUOUS, Kind.THROTTLED])
def test_changes_are_repeated(tmp_path: Path, kind: Kind) -> None:
    bench = Bench(tmp_path)
    bench.up()
    bench.labels = bench.labels.expiring("2031-01-01T00:00:00Z")
    bench.cloud.inject(Fault("change", kind, done=True, times=2))
    bench.up()
    assert bench.plan().empty


def test_a_slow_deletion_is_awaited(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options={"going": 0.1})
    bench.up()
    bench.down()
    assert bench.told()["deleted"] == 7
    assert list(bench.cloud.list(OWNER)) == []


def test_one_protected_machine_does_not_spoil_the_batch(tmp_path: Path) -> None:
    """EC2 refuses a whole TerminateInstances for one protected instance: the others are tried singly."""
    bench = Bench(tmp_path, voters=0, workers=4)
    bench.up()
    plan_time_view = bench.cloud.census()
    with bench.cloud.database.transaction() as db:
        db.execute("UPDATE things SET protected=1 WHERE name='worker-2'")
    bench.cloud.list = lambda owner: iter(plan_time_view)  # type: ignore[method-assign] # protected since the plan was made
    with pytest.raises(PartialFailure) as caught:
        bench.down()
    assert "delete machine worker-2" in _reasons(caught.value)
    assert [n for n in bench.names() if n.startswith("worker")] == ["worker-2"]


def test_the_deadline_ends_a_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options={"boot": 60}, pace=Pace(timeout=0.2, poll=0.01, poll_cap=0.05))
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert {r for _, r in caught.value.failures} == {"the time is up after 0.2 s"}
    assert len(bench.names()) == 7, "what was made stays"


def test_a_providers_bug_is_not_swallowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    original = bench.cloud.create

    def create(batch):
        if batch[0].name == "core-1":
            raise ZeroDivisionError("a plugin's bug")
        return original(batch)

    bench.cloud.create = create  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        bench.up()
    del bench.cloud.create
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1


def test_a_missing_outcome_is_looked_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, voters=0, workers=3)
    original, silent = bench.cloud.create, []

    def create(batch):
        outcomes = list(original(batch))
        if len(batch) > 1 and not silent:
            silent.append(outcomes.pop())
        return iter(outcomes)

    bench.cloud.create = create  # type: ignore[method-assign]
    bench.up()
    assert silent
    assert bench.told()["looking"] == 1
    assert max(bench.cloud.ever_made().values()) == 1


def test_a_payload_that_cannot_be_bound_fails_its_machine_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def bind(name: str, generation: int) -> str:
        if name == "core-2":
            raise SpecError(Report(), "no such secret")
        return ""

    bench.bind = bind  # type: ignore[method-assign]
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert caught.value.failures == (("create machine core-2", "no such secret"),)
    assert len(bench.names()) == 6


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    room = [0]

    def wrap(state):
        append = state.store.append

        def full(key, data, at):
            room[0] -= 1
            if room[0] < 0:
                raise StateError("cannot write the state's journal.jsonl: No space left on device")
            return append(key, data, at)

        state.store.append = full
        return state

    bench.wrap_state = wrap
    for allowed in range(3):
        room[0] = allowed
        with pytest.raises(StateError, match="No space left"):
            bench.up()
    bench.wrap_state = lambda state: state
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1


def test_auth_fails_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.cloud.inject(Fault("list", Kind.AUTH))
    with pytest.raises(ProviderError) as caught:
        bench.up()
    assert caught.value.kind is Kind.AUTH
    assert bench.cloud.calls() == Counter(list=1)


def test_losing_access_while_waiting_fails_who_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options={"boot": 60})
    original, lists = bench.cloud.list, []

    def list_(owner):
        lists.append(owner)
        if len(lists) > 1:
            raise ProviderError("the key was revoked", kind=Kind.AUTH)
        return original(owner)

    bench.cloud.list = list_  # type: ignore[method-assign]
    with pytest.raises(PartialFailure) as caught:
        bench.up()
    assert all("the key was revoked" in reason for _, reason in caught.value.failures)


def test_no_thread_outlives_a_run(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    bench = Bench(tmp_path)
    bench.up()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def test_events_tell_each_thing_in_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options={"boot": 0.02})
    bench.up()
    mine = [str(e.what) for e in bench.events if e.key and e.key.name == "core-1"]
    assert mine == ["creating", "created", "ready"]
    assert (bench.events[0].what, bench.events[-1].what) == (What.BEGUN, What.ENDED)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_machines_with_a_third_of_all_calls_failing(tmp_path: Path, seed: int) -> None:
    options = {"failure_rate": 0.3, "seed": seed}
    bench = Bench(tmp_path, voters=3, workers=47, own_payloads=seed != 3, options=options)
    bench.up()
    assert bench.names() == bench.wanted_names()
    assert max(bench.cloud.ever_made().values()) == 1
    bench.down()
    assert bench.names() == []
