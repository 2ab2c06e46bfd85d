"""Machines that are wanted and switched off: a dead QEMU process, a guest that powered off, a stopped instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.model import MACHINE, State
from provision.plan.model import Action
from provision.provider import HasPower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provision.model import Observed
    from provision.plan.model import Plan
    from provision.provider import Provider

STAY = frozenset((Action.KEEP, Action.UPDATE, Action.ADOPT))


def asleep(plan: Plan) -> list[Observed]:
    """Return the machines that stay as they are, and are switched off."""
    stay = (s for s in plan.steps if s.action in STAY and s.key.kind == MACHINE)
    return [s.observed for s in stay if s.observed and s.observed.state is State.STOPPED]


def wake(plan: Plan, providers: Mapping[str, Provider], tell: Callable[[str], None]) -> bool:
    """Switch on what is wanted and switched off, where the platform can; say so where it cannot.

    Return whether some machine was switched on: what was observed of it before holds no more.

    Raises:
        ProviderError: a machine does not start.
    """
    woken = False
    for machine in asleep(plan):
        provider = providers[machine.provider]
        if isinstance(provider, HasPower):
            provider.power(machine, True)
            woken = True
            tell(f"{machine.name} was switched off and is switched on again")
        else:
            tell(f"{machine.name} is switched off, and {machine.provider} cannot switch it on; see PV603")
    return woken
