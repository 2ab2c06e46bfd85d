"""How a run is shown: a line per event on stderr, or JSON lines on stdout.

On a terminal the line that tells what is waited for is written over again and again; in a pipe or a log it is written
once for each change.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from provision.apply.events import What
from provision.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.apply.events import Event

QUIET = frozenset((What.CREATING, What.CHANGING, What.DELETING))
"""Events that a person is not told: the one that ends them follows."""

_BACK = "\r\x1b[K"
"""To the line's beginning, and what it holds is erased."""


class Lines:
    """Writes events for a person; `moving` is whether a line may be written over."""

    def __init__(self, *, moving: bool) -> None:
        self._moving = moving
        self._began = time.monotonic()
        self._waiting = ""
        self._open = False

    def __call__(self, event: Event) -> None:
        """Write one event."""
        if event.what is What.WAITING:
            self._wait(event.text)
        elif event.what not in QUIET:
            self._close()
            self._waiting = ""
            console.note(self._timed(event.text if event.what is What.SAID else str(event)))

    def _wait(self, text: str) -> None:
        if self._moving:
            width = shutil.get_terminal_size().columns
            console.part(_BACK + self._timed(text)[: width - 1])
            self._open = True
        elif text != self._waiting:
            console.note(self._timed(text))
        self._waiting = text

    def _close(self) -> None:
        if self._open:
            console.part(_BACK)
            self._open = False

    def _timed(self, text: str) -> str:
        return f"[{time.monotonic() - self._began:5.0f}s] {text}"


def listener(*, as_json: bool) -> Callable[[Event], None]:
    """Return what is to be called with each event."""
    if as_json:
        return lambda event: console.line(event.to_json())
    return Lines(moving=console.moves(sys.stderr))
