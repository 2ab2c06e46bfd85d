"""Faults on demand: refusals, lost answers, resets, latency, operations that fail.

A fault is a mapping: `action` (such as "instances.insert", "*", or "mutating"), and what happens: `reason` with
`status`, `reset: true`, `delay` in seconds, `code: ...` (the operation ends with that error), `busy: true` (a wait
answers at once). `after: true` does the work first, so the answer is lost. `times` limits it, `chance` makes it random
under the seed, `zone` narrows it.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulated.gce.discovery import Refusal

if TYPE_CHECKING:
    from tests.emulated.gce.discovery import Call


@dataclass
class Strike:
    """What happens to one call at one moment."""

    faults: list[dict[str, Any]]

    def strike(self, connection: socket.socket) -> None:
        for fault in self.faults:
            time.sleep(fault.get("delay", 0))
            if fault.get("reset"):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise ConnectionAbortedError
            if "reason" in fault:
                message = fault.get("message", fault["reason"])
                raise Refusal(fault.get("status", 400), fault["reason"], message)

    @property
    def code(self) -> str:
        """Return with which error the operation is to end."""
        return next((fault["code"] for fault in self.faults if "code" in fault), "")

    @property
    def busy(self) -> bool:
        return any(fault.get("busy") for fault in self.faults)


class Faults:
    def __init__(self, faults: list[dict[str, Any]] | None = None, seed: int = 0) -> None:
        self._faults = faults or []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self, call: Call) -> tuple[Strike, Strike]:
        """Return what strikes this call before and after its work."""
        with self._lock:
            hit = [fault for fault in self._faults if self._hits(fault, call)]
        return Strike([f for f in hit if not f.get("after")]), Strike([f for f in hit if f.get("after")])

    def _hits(self, fault: dict[str, Any], call: Call) -> bool:
        mutating = call.method["httpMethod"] != "GET" and not call.id.endswith(".wait")
        meant = fault["action"] in ("*", call.id) or (fault["action"] == "mutating" and mutating)
        zone = call.params.get("zone", "")
        if not meant or fault.get("times", 1) <= 0 or fault.get("zone", zone) != zone:
            return False
        if self._random.random() >= fault.get("chance", 1):
            return False
        if "times" in fault:
            fault["times"] -= 1
        return True
