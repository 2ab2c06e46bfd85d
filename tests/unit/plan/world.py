"""A world of values alone: wanted things, and what carrying out a plan makes of the recorded and the observed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from provision.model import MACHINE, Labels, Observed, Owner, Request, State
from provision.plan.diff import diff
from provision.plan.model import Action, Plan, Step
from provision.plan.wanted import Thing
from provision.provider import Traits
from provision.state import records
from provision.state.fold import Entry, Recorded, Status, apply

UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
OWNER = Owner("lab", UID)
LABELS = Labels("lab", UID, "", 1, "ada", "2030-01-01T00:00:00Z", "0123456789abcdef")
TRAITS = {
    name: Traits(kinds=("network", "firewall"), changeable={"firewall": frozenset({"rules"})})
    for name in ("fake", "far")
}


def machine(name: str, *, size: str = "small", config: str = "v1", etcd: bool = False, **more: Any) -> Thing:
    units = [{"name": "app.service", "contents": config}, {"name": "same.service", "contents": ""}]
    return thing(MACHINE, name, {"size": size}, recipe={"systemd": {"units": units}}, etcd=etcd, **more)


def thing(
    kind: str,
    name: str,
    body: dict[str, Any],
    *,
    provider: str = "fake",
    needs: tuple[str, ...] = (),
    labels: Labels = LABELS,
    **more: Any,
) -> Thing:
    request = Request(kind, name, provider, replace(labels, machine=name), "", body, needs=needs)
    return Thing.of(request, **more)


@dataclass
class World:
    recorded: Recorded = field(default_factory=Recorded)
    observed: list[Observed] = field(default_factory=list)
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: int = 0

    def plan(self, *wanted: Thing, **more: Any) -> Plan:
        return diff(wanted, self.recorded, self.observed, owner=OWNER, traits=TRAITS, recipe=self.recipes.get, **more)

    def record(self, record: dict[str, Any]) -> None:
        apply(self.recorded, {"seq": self.recorded.head + 1, "at": "2026-01-02T03:04:05Z", **record})

    def carry_out(self, plan: Plan) -> None:
        for key in plan.vanished:
            self.record(records.deleted(key, self.recorded.entries[key].id))
        for step in plan.steps:
            if step.action in {Action.DELETE, Action.REPLACE}:
                self._delete(step)
            if step.action in {Action.CREATE, Action.REPLACE}:
                self.make(step)
            if step.action in {Action.UPDATE, Action.ADOPT}:
                self._change(step)

    def up(self, *wanted: Thing, **more: Any) -> Plan:
        plan = self.plan(*wanted, **more)
        self.carry_out(plan)
        return plan

    def make(self, step: Step, *, answered: bool = True) -> None:
        assert step.thing
        self.made += 1
        labels = replace(step.thing.request.labels, generation=step.generation)
        token = f"{step.key.name}-{step.generation}"
        self.recipes[step.thing.fingerprint] = {"body": step.thing.request.body, "recipe": step.thing.recipe}
        request = replace(step.thing.request, labels=labels, token=token)
        seen = Observed(step.key.kind, step.key.name, f"i-{self.made}", step.key.provider, State.RUNNING, labels, token)
        self.record(records.will_create([request], [{"fingerprint": step.thing.fingerprint, "etcd": step.etcd}]))
        self.observed.append(seen)
        if answered:
            self.record(records.created(token, step.key, seen))

    def _delete(self, step: Step) -> None:
        gone = [step.observed.id] if step.observed else [o.id for o in self.observed if o.name == step.key.name]
        self.observed = [o for o in self.observed if o.id not in gone]
        self.record(records.deleted(step.key, gone[0] if gone else ""))

    def _change(self, step: Step) -> None:
        assert step.observed
        change = step.change
        now = replace(
            step.observed,
            labels=change.labels if change and change.labels else step.observed.labels,
            protected=change.protected if change and change.protected is not None else step.observed.protected,
        )
        self.observed = [now if o.id == now.id else o for o in self.observed]
        if step.thing and step.fingerprint == step.thing.fingerprint:
            self.recipes[step.fingerprint] = {"body": step.thing.request.body, "recipe": step.thing.recipe}
        entry = Entry(
            *step.key,
            generation=step.generation,
            status=Status.MADE,
            token=now.token,
            id=now.id,
            fingerprint=step.fingerprint,
            needs=step.needs,
            etcd=step.etcd,
        )
        self.record(records.changed(entry))

    def see(self, name: str, **changes: Any) -> None:
        """Let a thing look different."""
        self.observed = [replace(o, **changes) if o.name == name else o for o in self.observed]

    def lose(self, name: str) -> None:
        self.observed = [o for o in self.observed if o.name != name]


def actions(plan: Plan) -> dict[str, str]:
    return {s.key.name: str(s.action) for s in plan.steps}


def reasons(plan: Plan, name: str) -> tuple[str, ...]:
    return next(s.reasons for s in plan.steps if s.key.name == name)
