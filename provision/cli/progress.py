"""How a run is shown: a line per event on stderr, or JSON lines on stdout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from provision.apply.events import What
from provision.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.apply.events import Event

QUIET = frozenset((What.CREATING, What.CHANGING, What.DELETING))
"""Events that a person is not told: the one that ends them follows."""


def listener(*, as_json: bool) -> Callable[[Event], None]:
    """Return what the engine is to call with each event."""
    if as_json:
        return lambda event: console.line(event.to_json())
    began = time.monotonic()

    def tell(event: Event) -> None:
        if event.what not in QUIET:
            console.note(f"[{time.monotonic() - began:5.0f}s] {event}")

    return tell
