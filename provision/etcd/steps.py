"""Which changes of membership lead from the members that are to those that are wanted, in a safe order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Do(StrEnum):
    """What a step does with a member."""

    REPLACE = "replace"  # retire, new machine, admit, promote
    ADD = "add"  # new machine, admit, promote
    REMOVE = "remove"  # retire, then the machine may go


@dataclass(frozen=True, slots=True)
class Step:
    """One change, after which the cluster is healthy again before the next begins."""

    do: Do
    name: str


def steps(
    current: Sequence[str], wanted: Sequence[str], *, replace: Collection[str] = (), dead: Collection[str] = ()
) -> tuple[Step, ...]:
    """Return the changes, one member each, in the order in which they are safest.

    The dead go first, since each of them counts against the quorum; then the cluster grows, so that replacing and
    shrinking find it at its strongest.

    Args:
        current: the members' names as etcd lists them, the leader last.
        wanted: the voters of the spec, in its order.
        replace: who must be made anew though it lives.
        dead: who does not answer.
    """
    lost = [name for name in current if name in dead]
    gone = [Step(Do.REMOVE, name) for name in lost if name not in wanted]
    healed = [Step(Do.REPLACE, name) for name in lost if name in wanted]
    added = [Step(Do.ADD, name) for name in wanted if name not in current]
    renewed = [Step(Do.REPLACE, name) for name in current if name in wanted and name in replace and name not in dead]
    removed = [Step(Do.REMOVE, name) for name in current if name not in wanted and name not in dead]
    return (*gone, *healed, *added, *renewed, *removed)
