"""Machines that are wanted and switched off: a dead QEMU process, a guest that powered off, a stopped instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.provider import HasPower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provision.plan.model import Plan
    from provision.provider import Provider


def wake(plan: Plan, providers: Mapping[str, Provider], tell: Callable[[str], None]) -> bool:
    """Switch on what is wanted and switched off, where the platform can; say so where it cannot.

    Return whether some machine was switched on: what was observed of it before holds no more.

    Raises:
        ProviderError: a machine does not start.
    """
    woken = False
    for machine in (step.observed for step in plan.asleep if step.observed):
        provider = providers[machine.provider]
        if isinstance(provider, HasPower):
            provider.power(machine, True)
            woken = True
            tell(f"{machine.name} was switched off and is switched on again")
        else:
            tell(f"{machine.name} is switched off, and {machine.provider} cannot switch it on; see PV603")
    return woken
