"""fleet, the scheduler of Container Linux until 2018, with metadata by which units choose machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import Additions

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context

SYSTEMS = frozenset(("container-linux",))


def fleet(context: Context) -> Additions:
    """Return the pool's metadata; nothing where it has none, or the system no fleet."""
    if not context.machine.fleet or context.system.name not in SYSTEMS:
        return Additions()
    return Additions(fleet=",".join(f"{name}={value}" for name, value in context.machine.fleet))
