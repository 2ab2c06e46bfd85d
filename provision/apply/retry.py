"""How long to wait and how often to ask: delays with jitter, and a rate budget that yields to throttling."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from provision.errors import Kind, ProviderError

EPSILON = 1e-6
"""So much of a token may be missing: less than a clock tells."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The engine's times, all in seconds.

    Attributes:
        timeout: for the whole run.
        patience: for one thing, from its first failed call on.
        grace: for calls under way after the first Ctrl-C or after the timeout.
        retry: before the first retry; each further one waits twice as long, up to `retry_cap`.
        retry_cap: longest wait between retries.
        poll: before the first look whether things are ready; grows by half each time, up to `poll_cap`.
        poll_cap: longest wait between looks.
    """

    timeout: float = 1800.0
    patience: float = 300.0
    grace: float = 30.0
    retry: float = 0.5
    retry_cap: float = 20.0
    poll: float = 1.0
    poll_cap: float = 10.0
    jitter: random.Random = field(default_factory=random.Random)

    def delay(self, attempt: int) -> float:
        """Return the wait after the `attempt`-th failure, from 1; half of it is random: runs fall out of step."""
        whole = min(self.retry_cap, self.retry * 2.0 ** min(attempt - 1, 30))
        return whole * (0.5 + self.jitter.random() / 2)


def may_retry(error: ProviderError) -> bool:
    """Whether the same call may be made again: the platform says so, or its answer was lost."""
    return error.retryable or error.kind in {Kind.THROTTLED, Kind.AMBIGUOUS, Kind.UNAVAILABLE, Kind.NOT_YET_VISIBLE}


class RateBudget:
    """A token bucket of calls that start: `rate` a second, a second's worth in store.

    The rate is halved when the platform throttles, at most once a second and not below a 64th, and each success gives
    back a twentieth of the full rate.
    """

    def __init__(self, rate: float) -> None:
        self.full = self.rate = rate
        self._tokens = max(1.0, rate)
        self._then = 0.0
        self._slowed = float("-inf")

    def wait(self, now: float) -> float:
        """Return the seconds until a call may start; 0 when one may start now."""
        self._tokens = min(max(1.0, self.rate), self._tokens + (now - self._then) * self.rate)
        self._then = now
        return 0.0 if self._tokens > 1 - EPSILON else (1 - self._tokens) / self.rate

    def take(self) -> None:
        """Account for a call that starts now."""
        self._tokens -= 1

    def slow(self, now: float) -> None:
        """Halve the rate and empty the bucket."""
        if now - self._slowed >= 1:
            self.rate, self._slowed = max(self.full / 64, self.rate / 2), now
        self._tokens, self._then = min(self._tokens, 0.0), now

    def recover(self) -> None:
        """Give back some of the rate."""
        self.rate = min(self.full, self.rate + self.full / 20)
