"""Faults that FakeCloud can be told to have, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from provision.model import Json

RETRYABLE = frozenset({Kind.THROTTLED, Kind.UNAVAILABLE, Kind.NOT_YET_VISIBLE})


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    Attributes:
        op: "create", "change", "delete" or "list".
        kind: which error.
        done: the call takes effect, and only its answer is lost; else it fails before anything happens.
        times: how often, -1 for ever.
        rate: how probable it is at each call, from 0 to 1.
        name: only calls about this thing; "" for all.
        zone: only creations in this zone; "" for all.
        after: raise when so many things of the call are done, in the middle of a batch; None for before or after all.
        slow: the call takes so many seconds, and is then done as if nothing had been; 0 for a fault that fails.
    """

    op: str
    kind: Kind = Kind.AMBIGUOUS
    done: bool = False
    times: int = 1
    rate: float = 1.0
    name: str = ""
    zone: str = ""
    after: int | None = None
    slow: float = 0.0

    @classmethod
    def from_json(cls, data: Json) -> Fault:
        """Read the form in which options and the database hold it."""
        return cls(**{**data, "kind": Kind(data.get("kind", "ambiguous"))})

    def error(self) -> ProviderError:
        """Return what the platform answers."""
        text = f"injected fault: {self.kind}" + (" (done, and the answer lost)" if self.done else "")
        return ProviderError(text, kind=self.kind, retryable=self.kind in RETRYABLE, code=f"Injected.{self.kind}")
