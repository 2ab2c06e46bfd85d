"""kill -9 at points of `up` and `down` of 3+2 machines; then `up`, then `down`: exact counts, nothing left.

The points are before and after every journal write and every call of the API. FakeCloud is killed at all of them
(tests/crash); a strict cloud, which lives on in its own process, at some, or at all with PROVISION_CRASH_FULL=1.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tests.crash.points import STORE, Points, killed_at
from tests.emulated.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.emulated.control import Control

FULL = bool(os.environ.get("PROVISION_CRASH_FULL"))
MACHINES = 5


@dataclass
class Killing:
    """One cloud's way to die; `step` is how many points lie between two deaths."""

    kind: ClassVar[str] = "machine"  # what the strict cloud calls machines

    strict: Control
    root: Path
    step: int

    def bench(self, where: Path) -> Bench:
        raise NotImplementedError

    def tomorrow(self) -> None:
        """Make each round a cluster of its own, though all share a uid."""
        self.strict.ask("tomorrow", {})

    def forked(self, bench: Bench) -> None:
        """Leave the other process's connections to it, in the one that is to die: a reply would reach the wrong one."""

    def standing(self, bench: Bench) -> int:
        """Return how many machines a later `up` finds and keeps."""
        return self.there()

    def there(self) -> int:
        return len(self.strict.world().get(self.kind, []))

    def up(self, first: int, least: int) -> None:
        """Die in `up`; `least` is how many points there are at the very least."""
        number = first
        while True:
            self.tomorrow()
            ever = self.strict.ask("ever")
            bench = self.bench(self.root / str(number))
            if not killed_at(number, self._armed(bench, Bench.up)):
                break
            if number % 2 == 0:  # every second one is not continued, but taken down
                bench.down()
                assert self.strict.world() == {}
            else:
                self._finish(bench, ever + MACHINES)
            shutil.rmtree(bench.root)
            number += self.step
        assert number > least, "the points are not where they should be"

    def down(self, first: int, least: int) -> None:
        """Die in `down`."""
        number = first
        while True:
            self.tomorrow()
            bench = self.bench(self.root / str(number))
            bench.up()
            ever = self.strict.ask("ever")
            if not killed_at(number, self._armed(bench, Bench.down)):
                break
            self._finish(bench, ever + MACHINES - self.standing(bench))
            shutil.rmtree(bench.root)
            number += self.step
        assert number > least, "the points are not where they should be"

    def _armed(self, bench: Bench, run: Callable[[Bench], object]) -> Callable[[Points], None]:
        def dying(points: Points) -> None:
            self.forked(bench)
            points.wrap(bench.cloud._cloud, ("call",))
            bench.wrap_store = lambda store: points.wrap(store, STORE)
            run(bench)

        return dying

    def _finish(self, bench: Bench, ever: int) -> None:
        """Go on after the death: everything once, and then nothing."""
        bench.up()
        assert bench.names() == bench.wanted_names()
        assert len(self.strict.world()[self.kind]) == MACHINES
        assert self.strict.ask("ever") == ever
        bench.down()
        assert self.strict.world() == {}
