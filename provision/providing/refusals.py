"""What refusals and silences mean to the engine, whatever the cloud's words for them.

A cloud's table of codes maps to `Meaning`. What matters most is the same everywhere: a call that changes something and
got no answer may have been done (AMBIGUOUS: look, never repeat blindly), one that only reads has not (UNAVAILABLE).
"""

from __future__ import annotations

from typing import NamedTuple

from provision.errors import Kind, ProviderError


class Meaning(NamedTuple):
    """What one code of a cloud means."""

    kind: Kind
    retryable: bool = False
    hint: str | None = None

    def error(self, message: str, code: str, *, mutates: bool = False) -> ProviderError:
        """Return the error for a refusal; the cloud's own fault leaves open what became of a call that mutates."""
        kind = Kind.AMBIGUOUS if mutates and self.kind is Kind.UNAVAILABLE else self.kind
        return ProviderError(message, kind=kind, retryable=self.retryable, code=code, hint=self.hint)


def unanswered(message: str, *, mutates: bool) -> ProviderError:
    """Return the error for a call that was sent and got no answer, or one that cannot be read."""
    return Meaning(Kind.UNAVAILABLE, retryable=True).error(message, "NoAnswer", mutates=mutates)


def never_sent(message: str, hint: str) -> ProviderError:
    """Return the error for a call that did not reach the cloud, so nothing was done."""
    return Meaning(Kind.UNAVAILABLE, retryable=True, hint=hint).error(message, "NoConnection")
