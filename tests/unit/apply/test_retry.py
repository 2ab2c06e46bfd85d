from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.apply.retry import Pace, RateBudget, may_retry
from provision.errors import Kind, ProviderError


@given(attempt=st.integers(1, 10_000), seed=st.integers())
def test_delays_grow_to_the_cap_and_are_never_in_step(attempt: int, seed: int) -> None:
    pace = Pace(retry=0.5, retry_cap=20, jitter=random.Random(seed))
    whole = min(20.0, 0.5 * 2.0 ** min(attempt - 1, 30))
    assert whole / 2 <= pace.delay(attempt) <= whole


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_may_succeed_later_is_tried_again(kind: Kind) -> None:
    again = {Kind.THROTTLED, Kind.AMBIGUOUS, Kind.UNAVAILABLE, Kind.NOT_YET_VISIBLE}
    assert may_retry(ProviderError("", kind=kind)) == (kind in again)
    assert may_retry(ProviderError("", kind=kind, retryable=True))


def started(budget: RateBudget, seconds: float, since: float = 0.0) -> int:
    """Return how many calls a budget lets start in a time, when all slots are free."""
    count, now = 0, since
    while now < since + seconds:
        if wait := budget.wait(now):
            now += wait
        else:
            budget.take()
            count += 1
    return count


def test_calls_start_at_the_rate_after_a_burst() -> None:
    budget = RateBudget(10)
    assert started(budget, 1) == pytest.approx(20, abs=1)
    assert started(budget, 10, since=1) == pytest.approx(100, abs=1)


def test_throttling_halves_the_rate_once_a_second() -> None:
    budget = RateBudget(64)
    for now in (0.0, 0.1, 0.2):
        budget.slow(now)
    assert budget.rate == 32
    assert budget.wait(0.2) > 0, "nothing is left of the burst"
    for now in range(2, 100, 2):
        budget.slow(now)
    assert budget.rate == 1


def test_success_gives_the_rate_back() -> None:
    budget = RateBudget(40)
    budget.slow(0)
    for _ in range(10):
        budget.recover()
    assert budget.rate == 40
    budget.recover()
    assert budget.rate == 40


def test_a_slow_rate_starts_its_first_call_at_once() -> None:
    budget = RateBudget(0.5)
    assert budget.wait(0) == 0
    budget.take()
    assert budget.wait(0) == pytest.approx(2)
