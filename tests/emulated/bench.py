"""A cluster on a strict cloud, planned and applied by the real engine as `up` and `down` do it, without a spec."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from provision.apply.engine import Engine, Result
from provision.apply.observe import observe
from provision.apply.retry import Pace
from provision.errors import PartialFailure
from provision.model import MACHINE, Request
from provision.plan.diff import diff
from provision.plan.wanted import Thing
from provision.state.cluster import ClusterState
from provision.state.local import LocalStore
from provision.state.lock import Holder
from tests.emulated import things
from tests.emulated.things import OWNER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision.apply.events import Event
    from provision.model import Json, Labels, MachineWanted
    from provision.plan.model import Plan

QUICK = Pace(timeout=60, patience=30, grace=5, retry=0.01, retry_cap=0.1, poll=0.01, poll_cap=0.1)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """One operator's computer; each cloud says how its provider and its machines are made."""

    provider: ClassVar[str]
    traits: ClassVar[Json] = {"settle": 0.05}  # short, since strict clouds lag only when they are told to

    given: Json
    root: Path
    voters: int = 3
    workers: int = 2
    own_payloads: bool = False
    pace: Pace = QUICK
    events: list[Event] = field(default_factory=list)
    wrap_store: Callable[[LocalStore], LocalStore] = lambda store: store

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        """Make a provider anew."""
        self.cloud = self.make_provider()
        self.cloud.traits = replace(self.cloud.traits, **self.traits)

    def make_provider(self) -> Any:
        raise NotImplementedError

    def machine(self, name: str, number: int, **about: Any) -> MachineWanted:
        """Return a machine; `about` is its pool, and whether it is an etcd member."""
        raise NotImplementedError

    def labels(self, name: str = "") -> Labels:
        return things.labels(name)

    def payload(self, name: str) -> str:
        return f'{{"n":"{name if self.own_payloads else ""}"}}'

    def machines(self) -> list[MachineWanted]:
        names = [f"demo-core-{n}" for n in range(1, self.voters + 1)]
        names += [f"demo-web-{n}" for n in range(1, self.workers + 1)]
        return [self.machine(name, n, pool=name.split("-")[1], etcd="-core-" in name) for n, name in enumerate(names)]

    def things(self) -> list[Thing]:
        machines = self.machines()
        parts = self.cloud.parts(things.wanted(machines, self.given, self.labels()))
        needs = tuple(part.name for part in parts if not part.body.get("after_machines"))
        return [Thing.of(part) for part in parts] + [self._thing(machine, needs) for machine in machines]

    def _thing(self, machine: MachineWanted, needs: tuple[str, ...]) -> Thing:
        request = Request(
            MACHINE,
            machine.name,
            self.provider,
            self.labels(machine.name),
            "",
            machine.body(self.cloud.traits.access),
            needs=needs,
            zones=machine.zones,
        )
        recipe = {"n": machine.name if self.own_payloads else ""}
        return Thing.of(request, recipe=recipe, etcd=machine.etcd, pool=machine.pool, protect=False)

    def plan(self, wanted: list[Thing], state: ClusterState) -> Plan:
        owner = replace(OWNER, uid="")
        seen = observe({self.provider: self.cloud}, owner, clock=now, recorded=state.recorded, pace=self.pace)
        traits = {self.provider: self.cloud.traits}
        return diff(wanted, state.recorded, seen, owner=OWNER, traits=traits, recipe=state.recipe)

    def apply(self, wanted: list[Thing]) -> Result:
        store = self.wrap_store(LocalStore(self.root / "state"))
        with store.lock(Holder.current("test")):
            state = ClusterState(store, now)
            engine = Engine(
                self.plan(wanted, state),
                {self.provider: self.cloud},
                state,
                bind=lambda name, _: self.payload(name),
                clock=now,
                listener=self.events.append,
                pace=self.pace,
            )
            try:
                result = engine.run()
            except PartialFailure as error:
                error.add_note(f"{error.failures}")  # for a test that did not expect it
                raise
            state.tidy()
        return result

    def up(self) -> Result:
        return self.apply(self.things())

    def down(self) -> Result:
        return self.apply([])

    def until_up(self, tries: int) -> int:
        """Run `up` until nothing fails; return how often it was run."""
        return self._until(self.things(), tries)

    def until_down(self, tries: int) -> int:
        return self._until([], tries)

    def _until(self, wanted: list[Thing], tries: int) -> int:
        for run in range(1, tries + 1):
            try:
                self.apply(wanted)
            except PartialFailure:
                continue
            return run
        raise AssertionError(f"not done after {tries} runs: {self.told()}, {self.why()[-20:]}")

    def why(self) -> list[str]:
        """Return what the engine told, for a test that fails."""
        return [f"{event.what} {event.key.name if event.key else ''} {event.text}" for event in self.events]

    def names(self) -> list[str]:
        return sorted(o.name for o in self.cloud.list(OWNER))

    def wanted_names(self) -> list[str]:
        return sorted(thing.name for thing in self.things())

    def told(self) -> Counter[str]:
        return Counter(str(event.what) for event in self.events)


def failures(error: PartialFailure) -> dict[str, str]:
    return dict(error.failures)
