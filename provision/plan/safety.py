"""What a plan must not do, however it was judged thing by thing. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision import bodies
from provision.errors import PlanError
from provision.model import MACHINE, State
from provision.plan.model import Action, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORDER = {Action.CREATE: 0, Action.REPLACE: 1, Action.DELETE: 2}
"""In which order voters come and go; a cluster that grows first is at its strongest for the rest."""

BROKEN = frozenset({State.FAILED, State.DELETING})
"""States in which a machine does no work that its replacement could interrupt."""


def follow_parts(steps: Sequence[Step]) -> list[Step]:
    """Replace what hangs on a part that is replaced: an instance cannot stay in a network that is deleted.

    Raises:
        PlanError: PV613 more than one etcd member would go at once.
    """
    result = list(steps)
    replaced = {s.key.name for s in result if s.action is Action.REPLACE and s.key.kind != MACHINE}
    while True:
        dragged = [n for n, s in enumerate(result) if _stays(s) and replaced.intersection(s.held)]
        if not dragged:
            break
        for n in dragged:
            result[n] = _dragged(result[n], replaced)
        replaced |= {result[n].key.name for n in dragged if result[n].key.kind != MACHINE}
    _refuse_losing_quorum([s for s in result if s.action is Action.REPLACE and replaced.intersection(s.held)])
    return result


def follow_machines(steps: Sequence[Step]) -> list[Step]:
    """Let go with machines what hangs on one: its body, and parts that are made after it, such as its address.

    What `up` knows is in a body, so one is made whenever its machine is. A machine that stays has read its body long
    ago: one that is gone is not missed. A request that is sent again names the body that was there for it.
    """
    machines = {s.key.name: s for s in steps if s.key.kind == MACHINE and s.thing}
    return [_joined(s, machines) for step in steps if (s := _followed(step, machines))]


def _joined(step: Step, machines: Mapping[str, Step]) -> Step:
    needed = (machines[name] for name in step.needs if name in machines)
    anew = next((m.key.name for m in needed if m.action is Action.REPLACE), "")
    return _dragged(step, {anew}) if anew and _stays(step) else step


def _followed(step: Step, machines: Mapping[str, Step]) -> Step | None:
    machine = machines.get(bodies.machine_of(step.key.name)) if step.thing and step.key.kind == bodies.KIND else None
    if machine is None:
        return step
    if machine.action not in {Action.CREATE, Action.REPLACE} or (machine.resend and not machine.look):
        return step if step.observed else None
    if step.observed is None:
        return step if step.resend else replace(step, generation=machine.generation)
    why = (f"{machine.key.name} is made anew",)
    return replace(step, action=Action.REPLACE, reasons=why, generation=machine.generation, change=None)


def spare_voters(steps: Sequence[Step]) -> list[Step]:
    """Let at most one working etcd member go, and none while another one is not running; defer the rest.

    Taking the whole cluster down, and replacing members that have failed, is not limited.
    """
    voters = [s for s in steps if s.etcd and s.thing]
    if not voters:
        return list(steps)
    unsettled = [s.key.name for s in voters if not s.observed or s.observed.state is not State.RUNNING]
    blocked = unsettled if any(s.observed for s in voters) else []
    result: list[Step] = []
    for step in steps:
        others = [name for name in blocked if name != step.key.name]
        if not _disrupts(step):
            result.append(step)
        elif others:
            result.append(_deferred(step, f"etcd members go one at a time, and {others[0]} comes first"))
        else:
            result.append(step)
            blocked = [step.key.name]
    return result


def one_voter_at_a_time(steps: Sequence[Step]) -> list[Step]:
    """Let one voter of a formed etcd cluster come or go, and defer the rest: first who is lost, then who is new.

    A cluster none of whose voters is left is not changed but formed anew, all at once.
    """
    voters = [s for s in steps if s.etcd]
    if not any(s.observed and s.observed.state not in BROKEN for s in voters):
        return list(steps)
    moving = [s for s in voters if s.action in ORDER and not s.deferred]
    first = min(moving, key=lambda s: ORDER[s.action], default=None)
    why = "etcd members come and go one at a time"
    return [_deferred(s, why) if s in moving and s is not first else s for s in steps]


def refuse_protected(steps: Sequence[Step]) -> None:
    """Refuse to delete or replace what is protected.

    Raises:
        PlanError: PV610, with the names of all of them.
    """
    names = [
        s.key.name
        for s in steps
        if s.action in {Action.DELETE, Action.REPLACE}
        and s.observed
        and s.observed.protected
        and s.observed.state is not State.DELETING
    ]
    if names:
        raise PlanError(
            f"protected against deletion: {', '.join(names)} [PV610]",
            hint="set `protect: false` in the spec, run `provision up`, then try again",
        )


def _stays(step: Step) -> bool:
    return step.observed is not None and step.action in {Action.KEEP, Action.UPDATE, Action.ADOPT}


def _dragged(step: Step, replaced: set[str]) -> Step:
    needs = dict.fromkeys((*step.held, *step.needs))
    why = tuple(f"{name}, which it needs, is replaced" for name in needs if name in replaced)
    fingerprint = step.thing.fingerprint if step.thing else ""
    return replace(
        step,
        action=Action.REPLACE,
        reasons=why,
        generation=step.generation + 1,
        change=None,
        fingerprint=fingerprint,
        deferred=False,
    )


def _refuse_losing_quorum(dragged: Sequence[Step]) -> None:
    voters = [s.key.name for s in dragged if _disrupts(s)]
    if len(voters) > 1:
        raise PlanError(
            f"a part that etcd members {', '.join(voters)} need would be replaced, and all of them with it [PV613]",
            hint="undo that change, or take the cluster down and up again: its data is lost then",
        )


def _disrupts(step: Step) -> bool:
    leaves = step.action in {Action.REPLACE, Action.DELETE}
    return step.etcd and leaves and step.observed is not None and step.observed.state not in BROKEN


def _deferred(step: Step, why: str) -> Step:
    reasons = (f"{why}; run again", *step.reasons)
    generation = step.generation - (step.action is Action.REPLACE)
    return replace(
        step, action=Action.KEEP, reasons=reasons, deferred=True, generation=generation, fingerprint="", change=None
    )
