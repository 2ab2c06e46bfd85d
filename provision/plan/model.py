"""The plan as values: steps with their reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.model import MACHINE, State
from provision.plan.wanted import digest

if TYPE_CHECKING:
    from provision.diagnostics import Diagnostic
    from provision.model import Change, Json, Observed, Owner
    from provision.plan.wanted import Thing
    from provision.state.fold import Key


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    REPLACE = "replace"  # delete it, then make it anew with the next generation
    UPDATE = "update"  # alter it in place
    DELETE = "delete"
    ADOPT = "adopt"  # it runs and is ours, but the state does not know it (any more)
    KEEP = "keep"


STAY = frozenset((Action.KEEP, Action.UPDATE, Action.ADOPT))
"""What is done to a thing that goes on as it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing and what is done about it.

    Attributes:
        action: what is done.
        key: which thing.
        reasons: why, each a short clause.
        thing: as it is wanted; None when it is not.
        observed: as it is; None when it is not there, or not known to be.
        generation: the one to be made, or, when nothing is made, the present one.
        change: what is altered in place (update, and adopt where its labels are old).
        fingerprint: what it runs once the step is done; "" when that is not known.
        resend: token of stored requests to send again, since an earlier run may or may not have been heard.
        look: time (RFC 3339) of an intent whose effect must be looked for before the thing counts as absent.
        held: names of the things that it needs as it stands; they are deleted only after it.
        etcd: it votes in etcd.
        deferred: something must be done, but not in this plan; the reasons say why.
        price: US dollars per hour once the step is done, None when it is not known.
        price_now: US dollars per hour before it, None when it is not known.
    """

    action: Action
    key: Key
    reasons: tuple[str, ...] = ()
    thing: Thing | None = None
    observed: Observed | None = None
    generation: int = 0
    change: Change | None = None
    fingerprint: str = ""
    resend: str = ""
    look: str = ""
    held: tuple[str, ...] = ()
    etcd: bool = False
    deferred: bool = False
    price: float | None = None
    price_now: float | None = None

    @property
    def id(self) -> str:
        """A text that tells the step from all others of its plan."""
        double = f"#{self.observed.id}" if self.action is Action.DELETE and self.observed else ""
        return f"{self.key}{double}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the things that must exist before it is made."""
        return self.thing.request.needs if self.thing else ()

    def to_json(self) -> Json:
        """Return the documented JSON form, ``provision_schemas/plan.v1.schema.json``."""
        return {
            "action": str(self.action),
            "provider": self.key.provider,
            "kind": self.key.kind,
            "name": self.key.name,
            "id": self.observed.id if self.observed else None,
            "generation": self.generation,
            "fingerprint": self.thing.fingerprint if self.thing else None,
            "reasons": list(self.reasons),
            "needs": list(self.needs),
            "etcd": self.etcd,
            "deferred": self.deferred,
            "price_per_hour": self.price,
            "price_per_hour_now": self.price_now,
        }

    def facts(self) -> Json:
        """Return the same without prices, which move although nothing of the plan does."""
        return {k: v for k, v in self.to_json().items() if not k.startswith("price")}


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, parts and machines in the spec's order, deletions last.

    `vanished` are things that the state takes for existing and that are gone. `head` is the journal's last record
    when the plan was made. `findings` are warnings for the user.
    """

    owner: Owner
    steps: tuple[Step, ...]
    findings: tuple[Diagnostic, ...] = ()
    vanished: tuple[Key, ...] = ()
    head: int = 0
    world: str = field(default="", repr=False)
    """Digest of what was observed and recorded: see `provision.plan.saved`."""

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(s for s in self.steps if s.action is not Action.KEEP)

    @property
    def deferred(self) -> tuple[Step, ...]:
        """The steps that leave something for a further run."""
        return tuple(s for s in self.steps if s.deferred)

    @property
    def asleep(self) -> tuple[Step, ...]:
        """The machines that stay as they are, and are switched off."""
        stay = (s for s in self.steps if s.action in STAY and s.key.kind == MACHINE and s.thing)
        return tuple(s for s in stay if s.observed and s.observed.state is State.STOPPED)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, now or in a further run."""
        return not self.changes and not self.deferred and not self.asleep

    def counts(self) -> dict[Action, int]:
        """Return how many steps each action has; actions without any are left out."""
        found = Counter(s.action for s in self.steps)
        return {a: found[a] for a in Action if found[a]}

    @property
    def digest(self) -> str:
        """The SHA-256, in hex, of the steps and of the world that they start from."""
        return digest([self.owner.uid, self.world, [s.facts() for s in self.steps]])
