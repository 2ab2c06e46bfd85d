"""A cluster on the strict GCE, planned and applied by the real engine as `up` and `down` do it, without a spec."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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
from tests.emulated.gce import lab

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
    """One operator's computer; it spares neither calls nor looks, since the strict GCE neither lags nor throttles."""

    given: Json
    root: Path
    voters: int = 3
    workers: int = 2
    zones: tuple[str, ...] = lab.ZONES
    addresses: bool = False
    own_payloads: bool = False
    pace: Pace = QUICK
    events: list[Event] = field(default_factory=list)
    wrap_store: Callable[[LocalStore], LocalStore] = lambda store: store

    def __post_init__(self) -> None:
        self.cloud = lab.provider(self.given, self.root)
        self.cloud.traits = replace(self.cloud.traits, settle=0.05, rate=1000.0)  # type: ignore[misc]

    def machines(self) -> list[MachineWanted]:
        names = [f"demo-core-{n}" for n in range(1, self.voters + 1)]
        names += [f"demo-web-{n}" for n in range(1, self.workers + 1)]
        return [
            lab.machine(
                name,
                self.given,
                pool=name.split("-")[1],
                etcd="-core-" in name,
                zones=self.zones,
                address=f"10.99.0.{10 + n}" if self.addresses else "",
            )
            for n, name in enumerate(names)
        ]

    def things(self) -> list[Thing]:
        machines = self.machines()
        wanted = replace(lab.wanted(self.given, []), machines=tuple(machines))
        parts = [Thing.of(request) for request in self.cloud.parts(wanted)]
        return parts + [self._thing(m, tuple(p.name for p in parts)) for m in machines]

    def _thing(self, machine: MachineWanted, needs: tuple[str, ...]) -> Thing:
        request = Request(
            MACHINE,
            machine.name,
            "gce",
            lab.labels(machine.name),
            "",
            machine.body(),
            needs=needs,
            zones=machine.zones,
        )
        recipe = {"n": machine.name if self.own_payloads else ""}
        return Thing.of(request, recipe=recipe, etcd=machine.etcd, pool=machine.pool, protect=False)

    def plan(self, things: list[Thing], state: ClusterState) -> Plan:
        providers = {"gce": self.cloud}
        owner = replace(lab.OWNER, uid="")
        seen = observe(providers, owner, clock=now, recorded=state.recorded, pace=self.pace)
        traits = {"gce": self.cloud.traits}
        return diff(things, state.recorded, seen, owner=lab.OWNER, traits=traits, recipe=state.recipe)

    def apply(self, things: list[Thing]) -> Result:
        store = self.wrap_store(LocalStore(self.root / "state"))
        with store.lock(Holder.current("test")):
            state = ClusterState(store, now)
            engine = Engine(
                self.plan(things, state),
                {"gce": self.cloud},
                state,
                bind=lambda name, _: f'{{"n":"{name if self.own_payloads else ""}"}}',
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

    def why(self) -> list[str]:
        """Return what the engine told, for a test that fails."""
        return [f"{event.what} {event.key.name if event.key else ''} {event.text}" for event in self.events]

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
        raise AssertionError(f"not done after {tries} runs: {self.told()}")

    def names(self) -> list[str]:
        return sorted(o.name for o in self.cloud.list(lab.OWNER))

    def wanted_names(self) -> list[str]:
        return sorted(thing.name for thing in self.things())

    def told(self) -> Counter[str]:
        return Counter(str(event.what) for event in self.events)


def failures(error: PartialFailure) -> dict[str, str]:
    return dict(error.failures)
