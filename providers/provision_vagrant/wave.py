"""Those who come while Vagrant works in their directory: gathered, so that one call brings all of them up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from provision.model import Request
    from provision.provider import Outcome
    from provision_vagrant.place import Place

GATHER = 0.2
"""Seconds in which the machines of one wave arrive: the engine starts their calls one right after the other."""


@dataclass(slots=True)
class Wave:
    """Requests that wait for their directory, and what became of those that somebody else took along."""

    guard: threading.Lock = field(default_factory=threading.Lock)
    waiting: dict[Path, list[Request]] = field(default_factory=dict)
    results: dict[tuple[Path, str], Outcome] = field(default_factory=dict)

    def join(self, at: Place, requests: Sequence[Request]) -> None:
        """Wait along."""
        with self.guard:
            for request in requests:
                self.results.pop((at.path, request.name), None)  # of an earlier try
            self.waiting.setdefault(at.path, []).extend(requests)

    def take(self, at: Place) -> list[Request]:
        """Return all that wait; they wait no more."""
        with self.guard:
            return self.waiting.pop(at.path, [])

    def put(self, at: Place, outcome: Outcome, *, again: bool = True) -> None:
        """Leave an outcome for the thread that asked; unless `again`, only where there is none yet."""
        with self.guard:
            if again or (at.path, outcome.name) not in self.results:
                self.results[at.path, outcome.name] = outcome

    def get(self, at: Place, name: str) -> Outcome | None:
        """Fetch one's outcome."""
        with self.guard:
            return self.results.pop((at.path, name), None)
