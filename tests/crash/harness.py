"""A cluster on FakeCloud, planned and applied as `up` and `down` do it, without a spec: for tests of the engine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.apply.engine import Engine, Result
from provision.apply.observe import observe
from provision.apply.retry import Pace
from provision.model import MACHINE, Labels, MachineWanted, Owner, Request, Wanted
from provision.plan.diff import diff
from provision.plan.wanted import Thing
from provision.provider import Context
from provision.state.cluster import ClusterState
from provision.state.local import LocalStore
from provision.state.lock import Holder
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.apply.events import Event
    from provision.plan.model import Plan

UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
OWNER = Owner("lab", UID)
LABELS = Labels("lab", UID, "", 1, "ada", "2030-01-01T00:00:00Z", "0123456789abcdef")
QUICK = Pace(timeout=30, patience=10, grace=5, retry=0.002, retry_cap=0.02, poll=0.002, poll_cap=0.02)


@contextmanager
def in_memory() -> Iterator[Path]:
    """Make a directory, in memory where there is any, and remove it."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="provision-test-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """One operator's computer and one cloud."""

    root: Path
    voters: int = 3
    workers: int = 2
    options: dict[str, Any] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)
    size: str = "small"
    config: str = "v1"
    labels: Labels = LABELS
    zones: tuple[str, ...] = ()
    protect: bool = False
    own_payloads: bool = False
    pace: Pace = QUICK
    events: list[Event] = field(default_factory=list)
    wrap: Callable[[FakeCloud], FakeCloud] = lambda cloud: cloud
    wrap_state: Callable[[ClusterState], ClusterState] = lambda state: state

    def __post_init__(self) -> None:
        self.cloud = self.wrap(self.connect())

    def connect(self) -> FakeCloud:
        context = Context(self.root / "cloud", self.root / "cache", now, self.root)
        return FakeCloud.tuned(**self.traits)(self.options, context)

    def things(self) -> list[Thing]:
        names = [f"core-{n}" for n in range(self.voters)] + [f"worker-{n}" for n in range(self.workers)]
        machines = tuple(MachineWanted(n, n.split("-")[0], "fcos", self.size, "img", {}) for n in names)
        wanted = Wanted("lab", UID, self.labels, machines, subnet="10.0.0.0/24", ssh_from=("192.0.2.0/24",))
        parts = [Thing.of(r) for r in self.cloud.parts(wanted)]
        needs = tuple(p.name for p in parts)
        return parts + [self._machine(m, needs) for m in machines]

    def _machine(self, machine: MachineWanted, needs: tuple[str, ...]) -> Thing:
        request = Request(
            MACHINE,
            machine.name,
            "fake",
            replace(self.labels, machine=machine.name),
            "",
            {"size": self.size},
            needs=needs,
            zones=self.zones,
            protect=self.protect,
        )
        name = machine.name if self.own_payloads else ""
        recipe = {"systemd": {"units": [{"name": "app.service", "contents": self.config + name}]}}
        return Thing.of(request, recipe=recipe, etcd=machine.pool == "core", pool=machine.pool, protect=self.protect)

    def bind(self, name: str, generation: int) -> str:
        return f"{self.config} {name if self.own_payloads else ''}"

    def store(self) -> LocalStore:
        return LocalStore(self.root / "state")

    def state(self) -> ClusterState:
        return self.wrap_state(ClusterState(self.store(), now))

    def plan(self, things: list[Thing] | None = None, state: ClusterState | None = None, **more: Any) -> Plan:
        state = state or self.state()
        observed = observe(
            {"fake": self.cloud}, replace(OWNER, uid=""), clock=now, recorded=state.recorded, pace=self.pace
        )
        return diff(
            self.things() if things is None else things,
            state.recorded,
            observed,
            owner=OWNER,
            traits={"fake": self.cloud.traits},
            recipe=state.recipe,
            **more,
        )

    def apply(self, things: list[Thing] | None = None, **more: Any) -> Result:
        with self.store().lock(Holder.current("test")):
            state = self.state()
            plan = self.plan(things, state, **more)
            self.engine = Engine(
                plan,
                {"fake": self.cloud},
                state,
                bind=self.bind,
                clock=now,
                listener=self.events.append,
                pace=self.pace,
            )
            result = self.engine.run()
            state.tidy()
        return result

    def up(self, **more: Any) -> Result:
        return self.apply(**more)

    def down(self) -> Result:
        return self.apply([])

    def names(self) -> list[str]:
        return sorted(o.name for o in self.cloud.census())

    def wanted_names(self) -> list[str]:
        return sorted(t.name for t in self.things())

    def told(self) -> Counter[str]:
        return Counter(str(e.what) for e in self.events)
