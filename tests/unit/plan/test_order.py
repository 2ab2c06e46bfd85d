from __future__ import annotations

from dataclasses import replace
from graphlib import TopologicalSorter

import pytest

from provision.errors import PlanError
from provision.model import State
from provision.plan.order import BARRIER, Node, Phase, arrange
from provision.state.fold import Recorded
from tests.unit.plan.world import TRAITS, World, machine, thing

NET = thing("network", "net", {"cidr": "a"})
WALL = thing("firewall", "wall", {"rules": []}, needs=("net",))
HUNG = machine("m", needs=("net", "wall"))
LATE = thing("balancer", "lb", {}, needs=("m",))


def sequence(world: World, *wanted) -> list[str]:  # type: ignore[no-untyped-def]
    steps = world.plan(*wanted).steps
    order = TopologicalSorter(arrange(steps, TRAITS)).static_order()
    return [f"{n.phase} {steps[n.step].key.name}" for n in order if n != BARRIER]


def test_parts_first_then_machines_then_what_needs_machines() -> None:
    assert sequence(World(), NET, WALL, HUNG, LATE) == ["create net", "create wall", "create m", "create lb"]


def test_down_is_the_reverse() -> None:
    world = World()
    world.up(NET, WALL, HUNG, LATE)
    assert sequence(world) == ["delete lb", "delete m", "delete wall", "delete net"]


def test_down_with_the_state_lost_goes_by_kinds() -> None:
    world = World()
    world.up(NET, WALL, HUNG)
    world.recorded = Recorded()
    assert sequence(world) == ["delete m", "delete wall", "delete net"]


def test_replacing_a_part_takes_what_hangs_on_it_down_first() -> None:
    world = World()
    world.up(NET, WALL, HUNG)
    found = sequence(world, thing("network", "net", {"cidr": "b"}), WALL, HUNG)
    assert found == ["delete m", "delete wall", "delete net", "create net", "create wall", "create m"]


def test_what_is_not_wanted_any_more_goes_when_all_that_is_new_is_up() -> None:
    world = World()
    world.up(machine("old"))
    assert sequence(world, machine("a"), machine("b"))[-1] == "delete old"


def test_broken_machines_need_not_wait() -> None:
    world = World()
    world.up(machine("old"))
    world.see("old", state=State.FAILED)
    assert BARRIER not in arrange(world.plan(machine("a")).steps, TRAITS)


def test_a_machine_that_is_starting_is_awaited() -> None:
    world = World()
    world.up(NET, machine("a"))
    world.see("a", state=State.PENDING)
    assert set(arrange(world.plan(NET, machine("a")).steps, TRAITS)) == {Node(Phase.WAIT, 1)}


def test_a_cycle_is_refused() -> None:
    a, b = thing("x", "a", {}, needs=("b",)), thing("x", "b", {}, needs=("a",))
    with pytest.raises(PlanError, match=r"need each other: .*a.*b.*\[PV612\]"):
        World().plan(a, b)


def test_a_need_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(PlanError, match=r"m needs 'net', which is not in the plan \[PV612\]"):
        World().plan(replace(HUNG))
