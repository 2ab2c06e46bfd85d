"""The nonces of a machine's boots: the entry's own first, then, when it may boot again, others derived from it."""

from __future__ import annotations

import hashlib
import hmac

KEPT = 16
"""How many spent rounds are still told from what never was (410 instead of 404)."""


def of(nonce: str, number: int) -> str:
    """Return the nonce of a round, counted from 0: 32 hex digits that tell nothing of the other rounds'."""
    if number == 0:
        return nonce
    return hmac.new(nonce.encode(), f"round {number}".encode(), hashlib.sha256).hexdigest()[:32]
