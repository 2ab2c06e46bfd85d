from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import PlanError
from provision.model import State
from provision.plan.model import Action, Plan
from provision.state.fold import Status
from tests.unit.plan.world import World, actions, machine, thing

if TYPE_CHECKING:
    from provision.plan.wanted import Thing


def voters(config: str, count: int = 3, **more):  # type: ignore[no-untyped-def]
    return [machine(f"core-{n}", config=config, etcd=True, **more) for n in range(count)]


def test_etcd_members_are_replaced_one_at_a_time() -> None:
    world = World()
    world.up(*voters("v1"))
    gone = []
    for _ in range(3):
        plan = world.up(*voters("v2"))
        (step,) = plan.changes
        gone.append(step.key.name)
        assert len(plan.deferred) == 3 - len(gone)
        assert all("one at a time" in s.reasons[0] for s in plan.deferred)
        assert all(f.code == "PV601" for f in plan.findings)
    assert gone == ["core-0", "core-1", "core-2"]
    assert world.plan(*voters("v2")).empty


def test_no_member_goes_while_another_is_down() -> None:
    world = World()
    world.up(*voters("v1"))
    world.see("core-2", state=State.PENDING)
    plan = world.plan(*voters("v2"))
    assert [s.key.name for s in plan.changes] == ["core-2"], "the one that is down may go"
    world.see("core-2", state=State.RUNNING)
    world.lose("core-1")
    plan = world.plan(*voters("v2"))
    assert {s.key.name: s.action for s in plan.changes} == {"core-1": Action.CREATE}


def test_failed_members_are_replaced_together() -> None:
    world = World()
    world.up(*voters("v1"))
    world.see("core-0", state=State.FAILED)
    world.see("core-1", state=State.FAILED)
    assert actions(world.plan(*voters("v1"))) == {"core-0": "replace", "core-1": "replace", "core-2": "keep"}


def test_a_part_that_is_made_after_a_machine_goes_with_it() -> None:
    world = World()
    address = thing("firewall", "address", {"after_machines": True}, needs=("web-1",))
    world.up(machine("web-1"), machine("web-2"), address)
    other = actions(world.plan(machine("web-1"), machine("web-2", config="v2"), address))
    assert other == {"web-1": "keep", "web-2": "replace", "address": "keep"}
    plan = world.up(machine("web-1", config="v2"), machine("web-2"), address)
    assert actions(plan) == {"web-1": "replace", "web-2": "keep", "address": "replace"}
    [step] = [s for s in plan.steps if s.key.name == "address"]
    assert (step.reasons, step.generation) == (("web-1, which it needs, is replaced",), 2)
    assert world.plan(machine("web-1", config="v2"), machine("web-2"), address).empty


def test_the_address_of_a_member_whose_turn_has_not_come_stays() -> None:
    world = World()
    address = thing("firewall", "address", {"after_machines": True}, needs=("core-1",))
    world.up(*voters("v1"), address)
    assert actions(world.plan(*voters("v2"), address)) == {
        "core-0": "replace", "core-1": "keep", "core-2": "keep", "address": "keep"
    }  # fmt: skip


def test_members_leave_one_at_a_time() -> None:
    world = World()
    world.up(*voters("v1", 5))
    plan = world.up(*voters("v1", 3))
    assert [s.key.name for s in plan.changes] == ["core-3"]
    assert [s.key.name for s in plan.deferred] == ["core-4"]
    assert [s.key.name for s in world.up(*voters("v1", 3)).changes] == ["core-4"]
    assert world.plan(*voters("v1", 3)).empty


def test_asking_for_members_does_not_hurry_them() -> None:
    world = World()
    world.up(*voters("v1"))
    plan = world.plan(*voters("v1"), replace=["core-1", "core-2"])
    assert [s.key.name for s in plan.changes] == ["core-1"]


def test_taking_all_down_is_not_limited() -> None:
    world = World()
    world.up(*voters("v1"))
    assert set(actions(world.plan()).values()) == {"delete"}


def test_a_part_under_all_members_is_not_replaced() -> None:
    world = World()
    world.up(thing("network", "net", {"cidr": "a"}), *voters("v1", needs=("net",)))
    with pytest.raises(PlanError, match=r"core-0, core-1, core-2 .*\[PV613\]"):
        world.plan(thing("network", "net", {"cidr": "b"}), *voters("v1", needs=("net",)))


@st.composite
def clusters(draw: st.DrawFn) -> list[Thing]:
    parts = [thing("network", "net", {"cidr": "fixed"})] if draw(st.booleans()) else []
    if parts and draw(st.booleans()):
        rules = draw(st.lists(st.sampled_from(["22", "443"]), unique=True))
        parts.append(thing("firewall", "wall", {"rules": rules}, needs=("net",)))
    needs = tuple(p.name for p in parts)
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    config, size = st.sampled_from(["v1", "v2"]), st.sampled_from(["small", "large"])
    return parts + [machine(n, config=draw(config), size=draw(size), etcd=n < "d", needs=needs) for n in sorted(names)]


def lost_voters(plan: Plan) -> list[str]:
    """Names of working etcd members that a plan takes away, where others stay wanted."""
    leaving = [s for s in plan.steps if s.etcd and s.action in {Action.DELETE, Action.REPLACE}]
    return [s.key.name for s in leaving if s.observed and s.observed.state is State.RUNNING]


def shaken(draw: st.DrawFn, world: World, after: list[Thing]) -> None:
    """Let things be lost, fail, or be forgotten, and a request for one go unanswered, heard or not."""
    for seen in list(world.observed):
        match draw(st.sampled_from(["as it is", "as it is", "lost", "failed", "forgotten"])):
            case "lost":
                world.lose(seen.name)
            case "failed" if seen.kind == "machine":
                world.see(seen.name, state=State.FAILED)
            case "forgotten":
                world.recorded.entries = {k: e for k, e in world.recorded.entries.items() if k.name != seen.name}
    steps = [s for s in world.plan(*after).steps if s.action is Action.CREATE]
    if steps and draw(st.booleans()):
        world.make(steps[0], answered=False)
        if draw(st.booleans()):
            world.lose(steps[0].key.name)


def settled(world: World, wanted: list[Thing]) -> None:
    """Run until nothing is left to do."""
    for _ in range(12):
        plan = world.plan(*wanted)
        if plan.empty and not plan.vanished:
            break
        if any(t.etcd for t in wanted):
            assert len(lost_voters(plan)) <= 1
        world.carry_out(plan)
    assert world.plan(*wanted).empty


@settings(max_examples=150, deadline=None)
@given(before=clusters(), after=clusters(), data=st.data())
def test_a_few_runs_lead_anywhere(before: list[Thing], after: list[Thing], data: st.DataObject) -> None:
    world = World()
    settled(world, before)
    shaken(data.draw, world, after)
    settled(world, after)

    assert sorted(o.name for o in world.observed) == sorted(t.name for t in after)
    assert all(o.state is State.RUNNING for o in world.observed)
    known = {e.key: e for e in world.recorded.live()}
    assert set(known) == {t.key for t in after}
    for t in after:
        assert known[t.key].fingerprint in {t.fingerprint, ""}
        assert known[t.key].status is Status.MADE

    world.up()
    assert world.observed == []
    assert world.plan().empty
