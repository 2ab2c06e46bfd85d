"""What a plan hands to machines where others can read it: private keys and secrets in user data. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision.firstboot.slots import Kind
from provision.model import MACHINE
from provision.plan.model import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.apply.desired import Desired
    from provision.plan.model import Plan
    from provision.provider import Provider

CONFIDENTIAL = {Kind.KEY: "etcd's private keys", Kind.SECRET: "secrets"}
SHOWN = 3


def in_user_data(plan: Plan, desired: Desired, providers: Mapping[str, Provider]) -> list[Diagnostic]:
    """Return a warning (PV460) for each platform whose user data will carry keys or secrets.

    A platform that is this computer hands them over in files that their owner alone reads.
    """
    made = [s.key for s in plan.steps if s.key.kind == MACHINE and s.action in {Action.CREATE, Action.REPLACE}]
    found = []
    for name, provider in providers.items():
        carried = {k.name: _confidential(desired, k.name) for k in made if k.provider == name}
        machines = [machine for machine, words in carried.items() if words]
        if machines and not provider.traits.local:
            found.append(_warning(name, machines, set().union(*carried.values())))
    return found


def _confidential(desired: Desired, machine: str) -> set[str]:
    slots = desired.compiled.recipes[machine].slots.values()
    return {CONFIDENTIAL[slot.kind] for slot in slots if slot.kind in CONFIDENTIAL}


def _warning(platform: str, machines: list[str], words: set[str]) -> Diagnostic:
    more = f" and {len(machines) - SHOWN} more" if len(machines) > SHOWN else ""
    return Diagnostic(
        "PV460",
        f"{' and '.join(sorted(words))} of {', '.join(machines[:SHOWN])}{more} travel in {platform}'s user data",
        Severity.WARNING,
        hint="whoever may read the machines' user data there, and every program on them, can read these",
    )
