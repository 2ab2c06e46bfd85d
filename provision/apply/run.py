"""What all parts of a run share: the board, the lanes, records to be written, events, and the clock."""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.apply.events import Event, What

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from queue import SimpleQueue

    from provision.apply.board import Board, Task
    from provision.apply.lane import Call, Lane, Message
    from provision.apply.retry import Pace
    from provision.model import Json, Observed, Owner
    from provision.state.cluster import ClusterState
    from provision.state.fold import Key


@dataclass(slots=True)
class Run:
    """The state of one run, touched by the main thread alone.

    `bind` returns the payload of a machine or body, given its name and generation; `stub` that of a machine whose body
    lies in a store, given its name and the body's outputs. `records` are written, `calls` sent, at the end
    of each turn of the engine's loop, in this order. `stopping` is why nothing new is started, or "".
    """

    owner: Owner
    board: Board
    lanes: Mapping[str, Lane]
    inbox: SimpleQueue[Message]
    state: ClusterState
    bind: Callable[[str, int], str]
    stub: Callable[[str, Mapping[str, str]], str]
    clock: Callable[[], datetime]
    listener: Callable[[Event], None]
    pace: Pace
    found: dict[Key, Observed] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    records: list[Json] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    stopping: str = ""
    now: float = 0.0
    bug: Exception | None = None
    _timers: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def tick(self) -> None:
        """Read the monotonic clock; all of one turn happens at one time."""
        self.now = time.monotonic()

    def lane(self, task: Task) -> Lane:
        """Return the lane of a task's provider."""
        return self.lanes[task.key.provider]

    def saw(self, key: Key, thing: Observed) -> None:
        """Keep what was last seen of a thing, and its outputs for those that need it."""
        self.found[key] = thing
        self.outputs[key.name] = thing.outputs

    def record(self, record: Json) -> None:
        """Write a record at the end of this turn."""
        self.records.append(record)

    def emit(self, what: What, key: Key | None = None, text: str = "", **more: str | float) -> None:
        """Tell the listener that something happened."""
        self.listener(Event(what, self.clock(), key, text, **more))  # type: ignore[arg-type]

    def done(self, task: Task, what: What | None, text: str = "", **more: str | float) -> None:
        """End a task well."""
        if what is not None:
            seconds = self.now - task.began if task.began is not None else 0.0
            self.emit(what, task.key, text, seconds=seconds, **more)
        self.board.done(task)

    def fail(self, task: Task, reason: str) -> None:
        """End a task badly, and with it all that needs it."""
        self.emit(What.FAILED, task.key, reason)
        for other in self.board.fail(task, reason):
            self.emit(What.SKIPPED, other.key, f"{other.phase}: not tried, since {task.key.name} failed")

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after some seconds."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._ids), action))

    def due(self) -> None:
        """Do what is due."""
        while self._timers and self._timers[0][0] <= self.now:
            heapq.heappop(self._timers)[2]()

    def next_timer(self) -> float | None:
        """Return the monotonic time of the next timer."""
        return self._timers[0][0] if self._timers else None
