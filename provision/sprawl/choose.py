"""Which clusters of an inventory are shown, and in which order. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from provision.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from provision.sprawl.inventory import Group

FIELDS: dict[str, Callable[[Group], Sequence[str]]] = {
    "cluster": lambda g: [g.name],
    "uid": lambda g: [g.owner.uid if g.owner else ""],
    "owner": lambda g: [g.answers],
    "account": lambda g: [g.account.name],
    "provider": lambda g: [g.account.provider_name],
    "revision": lambda g: [g.revision],
    "state": lambda g: [str(s) for s in g.standings],
}
"""What `--filter FIELD=PATTERN` looks at."""

_LAST = datetime.max.replace(tzinfo=UTC)
ORDERS: dict[str, Callable[[Group], object]] = {
    "cluster": lambda g: (g.name, g.account.name),
    "owner": lambda g: (g.answers, g.name),
    "account": lambda g: (g.account.name, g.name),
    "age": lambda g: g.created or _LAST,
    "expires": lambda g: g.expires or _LAST,
    "machines": lambda g: -len(g.machines),
    "cost": lambda g: -g.hourly.per_hour,
    "so-far": lambda g: -g.so_far.per_hour,
}
"""What `--sort` takes; the oldest, the soonest, the largest and the dearest come first."""


def chosen(groups: Iterable[Group], filters: Sequence[str], order: str) -> list[Group]:
    """Return the clusters that pass all filters, in an order.

    Raises:
        UsageError: a filter or the order is none.
    """
    tests = [_test(text) for text in filters]
    if order not in ORDERS:
        raise UsageError(f"there is no order {order!r}", hint=f"known are {', '.join(ORDERS)}")
    return sorted((g for g in groups if all(test(g) for test in tests)), key=ORDERS[order])  # type: ignore[arg-type]


def _test(text: str) -> Callable[[Group], bool]:
    """Read ``FIELD=PATTERN``, or ``FIELD!=PATTERN`` for all others; a pattern is a shell's."""
    name, equals, pattern = text.partition("=")
    field = FIELDS.get(name.removesuffix("!"))
    if not equals or field is None:
        hint = f"write FIELD=PATTERN or FIELD!=PATTERN; fields are {', '.join(FIELDS)}"
        raise UsageError(f"{text!r} is not a filter", hint=hint)
    wanted = not name.endswith("!")
    return lambda group: any(fnmatchcase(value, pattern) for value in field(group)) is wanted
