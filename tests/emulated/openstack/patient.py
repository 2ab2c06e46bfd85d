"""A rig that waits until servers have been built: nova refuses to change what it is still building."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.model import State
from provision.testing.rig import Rig

if TYPE_CHECKING:
    from provision.model import Observed, Request


@dataclass(slots=True)
class Patient(Rig):
    """A rig whose machines run when `make` returns."""

    pause: float = 0.02

    def make(self, *requests: Request) -> list[Observed]:
        """Make things, one call for each, and return them as they are once all run."""
        made = Rig.make(self, *requests)  # a dataclass with slots has no super()
        deadline = time.monotonic() + self.patience
        while True:
            seen = {o.id: o for o in self.provider.list(None)}
            found = [seen[o.id] for o in made if o.id in seen]
            if len(found) == len(made) and all(o.state is not State.PENDING for o in found):
                return found
            assert time.monotonic() < deadline, [(o.name, o.state, o.detail) for o in found]
            time.sleep(self.pause)
