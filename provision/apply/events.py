"""What happens during a run, as values: for the progress display, for log lines, and as JSON lines with ``--json``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.model import utc_text

if TYPE_CHECKING:
    from datetime import datetime

    from provision.model import Json
    from provision.state.fold import Key


class What(StrEnum):
    """The kinds of events; ``provision_schemas/event.v1.schema.json`` documents them."""

    BEGUN = "begun"
    CREATING = "creating"
    CREATED = "created"  # the platform has it; a machine may still be starting
    READY = "ready"
    CHANGING = "changing"
    CHANGED = "changed"
    ADOPTED = "adopted"
    DELETING = "deleting"
    DELETED = "deleted"
    WAITING = "waiting"  # polled, and some are not ready or not gone yet
    LOOKING = "looking"  # an answer was lost: the platform is asked what happened
    RETRYING = "retrying"
    NEXT_ZONE = "next-zone"
    FAILED = "failed"
    SKIPPED = "skipped"
    DRAINING = "draining"  # nothing new is started; calls under way are awaited
    ENDED = "ended"
    SAID = "said"  # what comes before and after the engine: power, first boots, etcd


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `at` is in UTC; `seconds` is how long it took, or how long until the next try."""

    what: What
    at: datetime
    key: Key | None = None
    text: str = ""
    id: str = ""
    zone: str = ""
    seconds: float = 0.0

    def to_json(self) -> Json:
        """Return the documented JSON form (one object, keys always present)."""
        return {
            "event": str(self.what),
            "at": utc_text(self.at),
            "provider": self.key.provider if self.key else None,
            "kind": self.key.kind if self.key else None,
            "name": self.key.name if self.key else None,
            "id": self.id or None,
            "zone": self.zone or None,
            "text": self.text,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        who = f"{self.key.kind} {self.key.name}: " if self.key else ""
        return f"{who}{self.what}{f' ({self.text})' if self.text else ''}"
