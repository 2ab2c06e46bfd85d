"""Faults on demand: refusals, lost answers, resets, latency, and reads that lag behind.

A fault is a mapping: `action` (a name, "*", or "mutating"), and what happens: `code` with `status`, `reset: true`,
`empty: true` (a read that does not see anything yet), `delay` in seconds. `after: true` does the work first, so the
answer is lost. `times` limits it, `chance` makes it random under the seed, `zone` narrows RunInstances.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.emulated.ec2.query import Call, Refusal

READS = ("Describe", "Get", "List")
EMPTY = {"DescribeInstances": "reservationSet", "DescribeTags": "tagSet"}


@dataclass
class Strike:
    """What happens to one call at one moment."""

    faults: list[dict[str, Any]]

    def strike(self, environ: dict[str, Any]) -> None:
        for fault in self.faults:
            time.sleep(fault.get("delay", 0))
            if fault.get("reset"):
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError
            if "code" in fault:
                raise Refusal(fault["code"], fault.get("message", fault["code"]), fault.get("status", 400))

    def answer(self, call: Call) -> tuple[int, bytes] | None:
        """Return the answer of a read that lags behind."""
        if any(fault.get("empty") for fault in self.faults):
            name = f"{call.action}Response"
            return 200, f"<{name}><requestId>lag</requestId><{EMPTY[call.action]}/></{name}>".encode()
        return None


class Faults:
    def __init__(self, faults: list[dict[str, Any]] | None = None, seed: int = 0) -> None:
        self._faults = faults or []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self, call: Call, zone: str) -> tuple[Strike, Strike]:
        """Return what strikes this call before and after its work."""
        with self._lock:
            hit = [fault for fault in self._faults if self._hits(fault, call, zone)]
        return Strike([f for f in hit if not f.get("after")]), Strike([f for f in hit if f.get("after")])

    def _hits(self, fault: dict[str, Any], call: Call, zone: str) -> bool:
        mutating = not call.action.startswith(READS)
        meant = fault["action"] in ("*", call.action) or (fault["action"] == "mutating" and mutating)
        if not meant or fault.get("times", 1) <= 0 or fault.get("zone", zone) != zone:
            return False
        if self._random.random() >= fault.get("chance", 1):
            return False
        if "times" in fault:
            fault["times"] -= 1
        return True
