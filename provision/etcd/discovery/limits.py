"""Every bound of the discovery service in one place, so that a stranger on the network cannot exhaust it."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service accepts. Sizes are in bytes, times in seconds.

    `keep` is how long a token is safe from being dropped to make room; a bootstrap takes minutes. `members` bounds
    the registrations of one token: etcd's losers of a race register too, so it is larger than the largest size.
    `wait` ends a long poll with an empty body, upon which etcd's client asks again.
    """

    max_tokens: int = 10_000
    keep: float = 30 * DAY
    members: int = 64
    value: int = 4096
    body: int = 16_384
    headers: int = 16_384
    waiters: int = 10_000
    connections: int = 12_000
    wait: float = 300.0
    request: float = 10.0
