"""Launches: which of a batch's machines one call makes together, and under which token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.model import batch_token
from provision.roster import by_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision.model import Request


@dataclass(frozen=True, slots=True)
class Launch:
    """Machines that one call makes."""

    requests: tuple[Request, ...]
    token: str

    @property
    def first(self) -> Request:
        """The request that tells what all of them are."""
        return self.requests[0]


def launches(batch: Sequence[Request], likeness: Callable[[Request], str]) -> Iterator[Launch]:
    """Put requests that one call can serve together, in the order of their roster.

    Args:
        batch: requests for machines.
        likeness: a text that is the same for requests that one call can serve.
    """
    for group in alike(batch, likeness):
        order = [labels.machine for labels in by_index(request.labels for request in group)]
        group.sort(key=lambda request: order.index(request.labels.machine))
        yield Launch(tuple(group), token(group, batch))


def alike(batch: Sequence[Request], likeness: Callable[[Request], str]) -> Iterator[list[Request]]:
    """Yield the requests of each likeness."""
    groups: dict[str, list[Request]] = {}
    for request in batch:
        groups.setdefault(likeness(request), []).append(request)
    yield from groups.values()


def token(group: Sequence[Request], batch: Sequence[Request]) -> str:
    """Return a launch's token: the engine's own where it covers exactly this group, else one over its members."""
    given = {request.token for request in group}
    others = (request.token for request in batch if request not in group)
    if len(given) == 1 and given.isdisjoint(others):
        return next(iter(given))
    first = group[0]
    members = {request.labels.machine: request.labels.generation for request in group}
    return batch_token(first.labels.uid, members, first.zone)
