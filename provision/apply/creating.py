"""Creating, exactly once per token.

========================  ==========================================================================================
the platform says         then
========================  ==========================================================================================
made                      recorded; awaited until it runs
made, and deleted since   the token is spent: the generation is bumped, and it is asked for anew
no capacity               a definite refusal: the next zone is tried, under that zone's token
try later                 the same request is sent again, after a delay
exists already            looked for: adopted when it is ours, else asked for under the next generation
nothing, or in doubt      looked for: adopted, or the same request is sent again
anything else             recorded as refused
========================  ==========================================================================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from provision import bodies
from provision.apply.calls import Doer
from provision.apply.events import What
from provision.apply.lane import Call, Lane, Op
from provision.apply.watch import Snapshot, Watch, is_ready
from provision.errors import Kind, ProviderError, ProvisionError, StateError
from provision.model import MACHINE, Observed, Request, State, batch_token, creation_token
from provision.plan.order import Phase
from provision.state import records
from provision.state.fold import Key

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from provision.apply.board import Task
    from provision.apply.run import Run
    from provision.provider import Outcome

RENEWALS = 3
"""How often, in one run, a thing whose token is spent is asked for under a further generation."""


class Creating(Doer):
    """The creations of a run."""

    def __init__(self, run: Run, watch: Watch) -> None:
        super().__init__(run)
        self._watch = watch
        resent = (t.step.resend for t in run.board.tasks.values() if t.phase is Phase.CREATE and _resends(t))
        self._awaited = Counter(resent)
        self._gathered: dict[str, list[Task]] = {}

    def limit(self, lane: Lane) -> int:
        """Return how many alike machines the platform makes in one call."""
        return lane.traits.batch

    def ready(self, task: Task) -> None:
        """Queue a task with those that it may share a call with, or send an earlier run's request again."""
        if _resends(task) and not task.renewals:
            self._resend(task)
        else:
            self.run.lane(task).queue(self._group(task), task)

    def form(self, lane: Lane, tasks: list[Task]) -> Call | None:
        """Bind payloads and store the requests. Tasks whose payload differs go back to the queue."""
        alike = self._bound(lane, tasks)
        if not alike:
            return None
        zone = _zone(alike[0])
        requests = self._requests(alike, zone)
        self.run.state.save_requests(requests)
        for task in alike:
            thing = task.thing
            self.run.state.save_recipe(thing.fingerprint, thing.request.body, thing.recipe)
            task.payload = None
        return Call(Op.CREATE, lane, tasks={t.key.name: t for t in alike}, requests=tuple(requests))

    def announce(self, call: Call) -> None:
        """Write the intent, which names the stored requests by their token."""
        facts = [{"fingerprint": t.thing.fingerprint, "etcd": t.thing.etcd} for t in call.tasks.values()]
        self.run.record(records.will_create(call.requests, facts))
        for task in call.tasks.values():
            task.began = self.run.now if task.began is None else task.began
            self.run.emit(What.CREATING, task.key, "; ".join(task.step.reasons), zone=call.requests[0].zone)

    def succeeded(self, call: Call, task: Task, outcome: Outcome) -> None:
        """Record what was made, and wait until it runs."""
        if outcome.observed is None:
            raise AssertionError(f"{call.lane.provider.name} reports neither a thing nor an error for {outcome.name}")
        self._made(call, task, outcome.observed)

    def stray(self, call: Call, outcome: Outcome) -> None:
        """Record a machine that a repeated batch reports again."""
        request = next((r for r in call.requests if r.name == outcome.name), None)
        if request is not None and outcome.observed is not None:
            key = Key(request.provider, request.kind, request.name)
            self.run.record(records.created(request.token, key, outcome.observed))

    def keep(self, call: Call, error: ProviderError) -> bool:
        """Keep what may be tried again or is in doubt."""
        if error.kind in {Kind.AMBIGUOUS, Kind.ALREADY_EXISTS}:
            call.doubt = True
            return True
        return error.kind is not Kind.CAPACITY and super().keep(call, error)

    def refused(self, call: Call, task: Task, error: ProviderError) -> None:
        """Record a refusal; try the next zone when this one is full, else give the thing up."""
        if error.kind is Kind.AMBIGUOUS:  # given up in doubt: the intent stays open, and the next run looks again
            self.run.fail(task, f"its answer was lost ({error}); `up` again finds out")
            return
        self.run.record(records.refused(call.requests[0].token, task.key, error))
        zones = task.thing.request.zones
        if error.kind is Kind.CAPACITY and task.zones_tried + 1 < len(zones) and not self.run.stopping:
            task.zones_tried += 1
            self.run.emit(What.NEXT_ZONE, task.key, str(error), zone=_zone(task))
            self.run.lane(task).queue(self._group(task), task)
        else:
            self.run.fail(task, str(error))

    def again(self, call: Call, delay: float) -> None:
        """Look before asking again when the answer was lost; else ask again."""
        if not call.doubt:
            super().again(call, delay)
            return
        exists = any(e.kind is Kind.ALREADY_EXISTS for e in call.errors.values())
        settle = 0.0 if call.lane.traits.idempotent and not exists else call.lane.traits.settle
        self._look(call, max(delay, settle))

    def _look(self, call: Call, wait: float) -> None:
        tasks = tuple(call.tasks.values())
        self._watch.look(call.lane.provider.name, tasks, wait, lambda snapshot: self._resolve(call, snapshot))

    def _resolve(self, call: Call, snapshot: Snapshot) -> None:
        """Adopt what a lost call made; ask again for the rest."""
        listed = {(o.kind, o.name): o for o in snapshot}
        errors, call.errors, call.doubt = call.errors, {}, False
        for request in call.requests:
            task = call.tasks.get(request.name)
            if task is None:
                continue
            found = listed.get((request.kind, request.name))
            exists = request.name in errors and errors[request.name].kind is Kind.ALREADY_EXISTS
            if found is not None and _is_ours(found, request, any_generation=exists):
                self.settle(call, task)
                self._made(call, task, found)
            elif exists:
                self.settle(call, task)
                self._renew(task, str(errors[request.name]))
        if call.tasks:
            call.lane.again.append(call)

    def _made(self, call: Call, task: Task, thing: Observed) -> None:
        self.run.record(records.created(call.requests[0].token, task.key, thing))
        if thing.state is State.DELETING:
            self.run.record(records.deleted(task.key, thing.id))
            self._renew(task, "what this token made was deleted meanwhile")
            return
        self.run.saw(task.key, thing)
        if thing.state is State.FAILED:
            self.run.fail(task, f"it failed{f': {thing.detail}' if thing.detail else ''}")
        elif is_ready(thing):
            self.run.done(task, What.READY, id=thing.id, zone=thing.zone)
        else:
            self.run.emit(What.CREATED, task.key, id=thing.id, zone=thing.zone)
            self._watch.until_ready(task)

    def _renew(self, task: Task, why: str) -> None:
        if task.renewals >= RENEWALS or self.run.stopping:
            self.run.fail(task, why)
            return
        task.renewals += 1
        task.generation += 1
        self.run.emit(What.RETRYING, task.key, f"{why}: generation {task.generation}")
        self.run.lane(task).queue(self._group(task), task)

    def _resend(self, task: Task) -> None:
        token = task.step.resend
        gathered = self._gathered.setdefault(token, [])
        gathered.append(task)
        if len(gathered) < self._awaited[token]:
            return
        lane, requests = self.run.lane(task), self.run.state.requests(token)
        for member in gathered:
            member.began = self.run.now
            zones, sent = member.thing.request.zones, requests[0].zone
            member.zones_tried = zones.index(sent) if sent in zones else -1
            self.run.emit(What.CREATING, member.key, "; ".join(member.step.reasons), zone=sent)
        call = Call(Op.CREATE, lane, {t.key.name: t for t in gathered}, tuple(requests), announced=True)
        if lane.traits.idempotent:
            lane.again.append(call)
        else:
            self._look(call, self._unsettled(task))

    def _unsettled(self, task: Task) -> float:
        entry = self.run.state.recorded.get(task.key)
        age = (self.run.clock() - datetime.fromisoformat(entry.since)).total_seconds() if entry else 0.0
        return max(0.0, self.run.lane(task).traits.settle - max(0.0, age))

    def _bound(self, lane: Lane, tasks: list[Task]) -> list[Task]:
        alike: list[Task] = []
        for task in tasks:
            try:
                if task.payload is None:
                    task.payload = self._payload(task)
            except StateError:
                raise
            except ProvisionError as error:
                self.run.fail(task, str(error))
                continue
            if not alike or task.payload == alike[0].payload:
                alike.append(task)
            else:
                lane.queue(task, task)
        return alike

    def _payload(self, task: Task) -> str:
        if task.key.kind not in (MACHINE, bodies.KIND):
            return ""
        if task.thing.body:
            return self.run.stub(task.key.name, self.run.outputs[task.thing.body])
        return self.run.bind(task.key.name, task.generation)

    def _requests(self, tasks: Sequence[Task], zone: str) -> list[Request]:
        uid = self.run.owner.uid
        if len(tasks) == 1:
            token = creation_token(uid, tasks[0].key.name, tasks[0].generation, zone)
        else:
            token = batch_token(uid, {t.key.name: t.generation for t in tasks}, zone)
        return [self._request(t, token, zone) for t in tasks]

    def _request(self, task: Task, token: str, zone: str) -> Request:
        request = task.thing.request
        labels = replace(request.labels, machine=request.name, generation=task.generation)
        inputs = {name: self.run.outputs.get(name, {}) for name in request.needs}
        return replace(request, labels=labels, token=token, payload=task.payload or "", inputs=inputs, zone=zone)

    def _group(self, task: Task) -> Hashable:
        thing = task.thing
        if task.key.kind != MACHINE or thing.etcd or self.run.lane(task).traits.batch < 2:
            return task
        return (Op.CREATE, thing.fingerprint, thing.request.needs, thing.request.zones, _zone(task))


def _resends(task: Task) -> bool:
    return bool(task.step.resend) and not task.step.look


def _zone(task: Task) -> str:
    zones = task.thing.request.zones
    return zones[max(0, task.zones_tried)] if zones else ""


def _is_ours(found: Observed, request: Request, *, any_generation: bool) -> bool:
    if found.labels is None or found.token == request.token:
        return True
    same = found.labels.uid == request.labels.uid
    return same and (any_generation or found.labels.generation == request.labels.generation)
