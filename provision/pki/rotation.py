"""Exchanging a cluster's CA while it runs: trust both, reissue, distrust.

Every machine passes a phase before any enters the next; so at each moment all members trust all certificates that
are in use. A run that is cut off goes on from the phase that the state holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from provision.errors import StateError
from provision.pki.authority import Pair

KEY = "pki/authorities.json"
"""Where a cluster's state keeps them: one value, so that a phase changes as a whole."""


class Phase(StrEnum):
    """Where a rotation stands; STEADY is before and after."""

    STEADY = "steady"
    TRUST_BOTH = "trust-both"
    REISSUE = "reissue"
    DISTRUST = "distrust"


ORDER = (Phase.TRUST_BOTH, Phase.REISSUE, Phase.DISTRUST)


@dataclass(frozen=True, slots=True)
class Authorities:
    """The CA in use, and its successor while a rotation is under way."""

    current: Pair
    successor: Pair | None = None
    phase: Phase = Phase.STEADY

    @property
    def trusted(self) -> bytes:
        """The bundle of CA certificates that machines trust in this phase, PEM; the signer's comes first."""
        if self.successor is None:
            return self.current.certificate
        if self.phase is Phase.DISTRUST:
            return self.successor.certificate
        both = (self.current.certificate, self.successor.certificate)
        return b"".join(both if self.phase is Phase.TRUST_BOTH else reversed(both))

    @property
    def signer(self) -> Pair:
        """The authority that issues in this phase."""
        if self.successor is None or self.phase is Phase.TRUST_BOTH:
            return self.current
        return self.successor

    def begin(self, successor: Pair) -> Authorities:
        """Start a rotation; one that is under way goes on with the successor that it has."""
        return self if self.successor else Authorities(self.current, successor, Phase.TRUST_BOTH)

    def advance(self) -> Authorities:
        """Go to the next phase, once every machine has passed this one."""
        if self.successor is None:
            return self
        if self.phase is Phase.DISTRUST:
            return Authorities(self.successor)
        return Authorities(self.current, self.successor, ORDER[ORDER.index(self.phase) + 1])


def dump(authorities: Authorities) -> bytes:
    """Return the authorities with their private keys as JSON, for the state alone."""
    pairs = {"current": authorities.current, "successor": authorities.successor}
    texts = {k: p and {"certificate": p.certificate.decode(), "key": p.key.decode()} for k, p in pairs.items()}
    return json.dumps({"version": 1, "phase": str(authorities.phase), **texts}, indent=1).encode()


def load(data: bytes) -> Authorities:
    """Read what `dump` wrote.

    Raises:
        StateError: it is damaged.
    """
    try:
        found = json.loads(data)
        pairs = [
            p and Pair(p["certificate"].encode(), p["key"].encode()) for p in (found["current"], found["successor"])
        ]
        return Authorities(pairs[0], pairs[1], Phase(found["phase"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "restore the state's directory from a backup, or let a new CA take its place"
        raise StateError(f"the state's {KEY} is damaged", hint=hint) from error
