"""A cluster on mimic, planned and applied by the real engine as `up` and `down` do, without a spec."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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
from tests.emulated.rackspace import lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision.apply.events import Event
    from provision.model import Json, MachineWanted
    from provision.plan.model import Plan

QUICK = Pace(timeout=60, patience=30, grace=5, retry=0.01, retry_cap=0.1, poll=0.01, poll_cap=0.1)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """One operator's computer; `settle` is short, since what mimic has made is listed at once."""

    given: Json
    root: Path
    voters: int = 3
    workers: int = 2
    own_payloads: bool = False
    size: str = lab.SIZE
    pace: Pace = QUICK
    events: list[Event] = field(default_factory=list)
    wrap_store: Callable[[LocalStore], LocalStore] = lambda store: store

    def __post_init__(self) -> None:
        self.connect()
        self.image = lab.image(self.cloud)

    def connect(self) -> None:
        """Make a provider anew."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.cloud = lab.provider(self.given, self.root)
        self.cloud.traits = replace(self.cloud.traits, settle=0.05)  # type: ignore[misc]

    def machines(self) -> list[MachineWanted]:
        names = [f"demo-core-{n}" for n in range(1, self.voters + 1)]
        names += [f"demo-web-{n}" for n in range(1, self.workers + 1)]
        more: dict[str, Any] = {"size": self.size}
        return [
            lab.machine(name, self.given, self.image, pool=name.split("-")[1], etcd="-core-" in name, **more)
            for name in names
        ]

    def things(self) -> list[Thing]:
        machines = self.machines()
        requests = self.cloud.parts(lab.wanted(self.given, machines))
        needs = tuple(request.name for request in requests)
        return [Thing.of(request) for request in requests] + [self._thing(m, needs) for m in machines]

    def _thing(self, machine: MachineWanted, needs: tuple[str, ...]) -> Thing:
        labels, body = lab.labels(machine.name), machine.body(self.cloud.traits.access)
        request = Request(MACHINE, machine.name, "rackspace", labels, "", body, needs=needs)
        recipe = {"n": machine.name if self.own_payloads else ""}
        return Thing.of(request, recipe=recipe, etcd=machine.etcd, pool=machine.pool, protect=False)

    def plan(self, things: list[Thing], state: ClusterState) -> Plan:
        providers = {"rackspace": self.cloud}
        owner = replace(lab.OWNER, uid="")
        seen = observe(providers, owner, clock=now, recorded=state.recorded, pace=self.pace)
        traits = {"rackspace": self.cloud.traits}
        return diff(things, state.recorded, seen, owner=lab.OWNER, traits=traits, recipe=state.recipe)

    def apply(self, things: list[Thing]) -> Result:
        store = self.wrap_store(LocalStore(self.root / "state"))
        with store.lock(Holder.current("test")):
            state = ClusterState(store, now)
            engine = Engine(
                self.plan(things, state),
                {"rackspace": self.cloud},
                state,
                bind=lambda name, _: "e30=" if not self.own_payloads else f"{name.encode().hex():0<80}",
                clock=now,
                listener=self.events.append,
                pace=self.pace,
            )
            result = engine.run()
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

    def _until(self, things: list[Thing], tries: int) -> int:
        for run in range(1, tries + 1):
            try:
                self.apply(things)
            except PartialFailure:
                continue
            return run
        raise AssertionError(f"not done after {tries} runs: {self.told()}, {self.why()[-20:]}")

    def why(self) -> list[str]:
        """Return what the engine told, for a test that fails."""
        return [f"{event.what} {event.key.name if event.key else ''} {event.text}" for event in self.events]

    def names(self) -> list[str]:
        return sorted(o.name for o in self.cloud.list(lab.OWNER))

    def wanted_names(self) -> list[str]:
        return sorted(thing.name for thing in self.things())

    def told(self) -> Counter[str]:
        return Counter(str(event.what) for event in self.events)


def failures(error: PartialFailure) -> dict[str, str]:
    return dict(error.failures)
