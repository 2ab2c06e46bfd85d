from __future__ import annotations

from provision.apply.board import Board, Progress
from provision.plan.order import BARRIER, Node, Phase, arrange
from tests.unit.plan.world import TRAITS, World, machine, thing

NET = thing("network", "net", {})


def board(world: World, *wanted) -> Board:  # type: ignore[no-untyped-def]
    steps = world.plan(*wanted).steps
    return Board(steps, arrange(steps, TRAITS))


def names(tasks) -> list[str]:  # type: ignore[no-untyped-def]
    return [t.key.name for t in tasks]


def test_each_task_is_handed_out_once_when_its_turn_has_come() -> None:
    made = board(World(), NET, machine("a", needs=("net",)), machine("b", needs=("net",)))
    (net,) = made.take_ready()
    assert net.key.name == "net"
    assert list(made.take_ready()) == []
    made.done(net)
    made.done(net)
    rest = list(made.take_ready())
    assert names(rest) == ["a", "b"]
    for task in rest:
        made.done(task)
    assert made.open == 0
    assert made.failures == []


def test_failure_ends_all_that_needs_it_and_nothing_else() -> None:
    made = board(World(), NET, machine("a", needs=("net",)), machine("free"))
    net, free = made.take_ready()
    assert names(made.fail(net, "no quota")) == ["a"]
    assert made.open == 1
    made.done(free)
    assert made.open == 0
    assert made.failures == [
        ("create network net", "no quota"),
        ("create machine a", "not tried, since net failed"),
    ]
    assert made.fail(net, "again") == []


def test_the_barrier_passes_by_itself_and_falls_with_what_it_waits_for() -> None:
    world = World()
    world.up(machine("old"))
    made = board(world, machine("new"))
    (new,) = made.take_ready()
    assert names(made.fail(new, "no room")) == ["old"]
    assert made.open == 0
    assert made.tasks[BARRIER].progress is Progress.FAILED

    made = board(world, machine("new"))
    (new,) = made.take_ready()
    made.done(new)
    assert names(made.take_ready()) == ["old"]


def test_what_is_left_is_known() -> None:
    made = board(World(), NET, machine("a", needs=("net",)))
    assert {t.node for t in made.unfinished()} == {Node(Phase.CREATE, 0), Node(Phase.CREATE, 1)}
