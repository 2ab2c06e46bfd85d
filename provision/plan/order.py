"""In which order a plan's steps run. Pure.

Each step falls into phases: a replacement deletes, then creates. What is created waits for what it needs; what is
deleted waits for the deletion of all that hangs on it. Machines that are merely not wanted any more go last, when all
that is new has come up: nothing that ran is destroyed because something new failed.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

from provision.errors import PlanError
from provision.model import MACHINE, State
from provision.plan.model import Action, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.provider import Traits


class Phase(StrEnum):
    """One half of a step, or the point at which all creations have ended."""

    DELETE = "delete"
    CREATE = "create"
    CHANGE = "change"
    WAIT = "wait"  # it exists and is not yet running
    ALL_MADE = "all-made"


class Node(NamedTuple):
    """A phase of a step; the step's number within the plan, -1 for `Phase.ALL_MADE`."""

    phase: Phase
    step: int


BARRIER = Node(Phase.ALL_MADE, -1)


def arrange(steps: Sequence[Step], traits: Mapping[str, Traits]) -> dict[Node, set[Node]]:
    """Return all phases, each with those that must have ended before it may start.

    Raises:
        PlanError: PV612 needs form a cycle, or name nothing that is wanted.
    """
    graph: dict[Node, set[Node]] = {node: set() for n, step in enumerate(steps) for node in _phases(n, step)}
    _creations(steps, graph)
    _deletions(steps, graph, traits)
    _last(steps, graph)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = [steps[n.step].key.name for n in error.args[1] if n.step >= 0]
        raise PlanError(f"these need each other: {' → '.join(names)} [PV612]") from error
    return graph


def _phases(number: int, step: Step) -> Iterator[Node]:
    pending = step.observed is not None and step.observed.state is State.PENDING
    if step.action in {Action.DELETE, Action.REPLACE}:
        yield Node(Phase.DELETE, number)
    if step.action in {Action.CREATE, Action.REPLACE}:
        yield Node(Phase.CREATE, number)
    elif step.action is Action.ADOPT or step.change:
        yield Node(Phase.CHANGE, number)
    if step.action in {Action.KEEP, Action.UPDATE, Action.ADOPT} and pending:
        yield Node(Phase.WAIT, number)


def _creations(steps: Sequence[Step], graph: dict[Node, set[Node]]) -> None:
    wanted = {s.key.name: n for n, s in enumerate(steps) if s.thing}
    for node in [n for n in graph if n.phase in {Phase.CREATE, Phase.CHANGE, Phase.WAIT}]:
        step = steps[node.step]
        if node.phase is not Phase.CREATE:
            continue
        if Node(Phase.DELETE, node.step) in graph:
            graph[node].add(Node(Phase.DELETE, node.step))
        body = (step.thing.body,) if step.thing and step.thing.body else ()
        for name in (*step.needs, *body):
            if name not in wanted:
                raise PlanError(f"{step.key.name} needs {name!r}, which is not in the plan [PV612]")
            others = (Node(p, wanted[name]) for p in (Phase.CREATE, Phase.CHANGE, Phase.WAIT))
            graph[node].update(o for o in others if o in graph)


def _deletions(steps: Sequence[Step], graph: dict[Node, set[Node]], traits: Mapping[str, Traits]) -> None:
    going = [n for n in graph if n.phase is Phase.DELETE]
    by_name: dict[str, list[Node]] = defaultdict(list)
    for node in going:
        by_name[steps[node.step].key.name].append(node)
    ranks: dict[tuple[str, int], list[Node]] = defaultdict(list)
    for node in going:
        step = steps[node.step]
        for name in step.held:
            for part in by_name.get(name, ()):
                graph[part].add(node)
        kinds = traits[step.key.provider].kinds
        if step.key.kind in kinds:
            ranks[step.key.provider, kinds.index(step.key.kind)].append(node)
    for (provider, rank), nodes in ranks.items():
        later = [n for (p, r), found in ranks.items() if p == provider and r > rank for n in found]
        for node in nodes:
            graph[node].update(n for n in later if node not in graph[n])


def _last(steps: Sequence[Step], graph: dict[Node, set[Node]]) -> None:
    made = {n for n in graph if n.phase is Phase.CREATE and steps[n.step].key.kind == MACHINE}
    spare = [n for n in graph if n.phase is Phase.DELETE and _merely_unwanted(steps[n.step])]
    if made and spare:
        graph[BARRIER] = made
        for node in spare:
            graph[node].add(BARRIER)


def _merely_unwanted(step: Step) -> bool:
    running = step.observed is not None and step.observed.state in {State.RUNNING, State.STOPPED}
    return step.action is Action.DELETE and step.key.kind == MACHINE and running
