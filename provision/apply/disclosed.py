"""What a plan hands to machines where others can read it: private keys and secrets in user data or a store. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.apply.desired import external
from provision.diagnostics import Diagnostic, Severity
from provision.firstboot.slots import Kind
from provision.model import MACHINE
from provision.plan.model import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.apply.desired import Desired
    from provision.plan.model import Plan
    from provision.provider import Provider

CONFIDENTIAL = {Kind.KEY: "etcd's private keys", Kind.SECRET: "secrets"}
SHOWN = 3


def in_user_data(plan: Plan, desired: Desired, providers: Mapping[str, Provider]) -> list[Diagnostic]:
    """Return a warning for each platform whose user data (PV460), and for the store (PV422), that gets keys or secrets.

    A platform that is this computer hands them over in files that their owner alone reads.
    """
    made = [s.key for s in plan.steps if s.key.kind == MACHINE and s.action in {Action.CREATE, Action.REPLACE}]
    stored = external(desired.compiled)
    found = list(_in_store(desired, [key.name for key in made if key.name in stored]))
    for name, provider in providers.items():
        here = (k.name for k in made if k.provider == name and k.name not in stored)
        carried = {machine: _confidential(desired, machine) for machine in here}
        machines = [machine for machine, words in carried.items() if words]
        if machines and not provider.traits.local:
            found.append(_warning(name, machines, set().union(*carried.values())))
    return found


def _in_store(desired: Desired, machines: list[str]) -> Iterator[Diagnostic]:
    carried = {machine: words for machine in machines if (words := _confidential(desired, machine))}
    if carried and desired.cluster.payloads:
        store = desired.cluster.payloads.store
        what = _what(list(carried), set().union(*carried.values()))
        hint = "whoever may read the store, or the machines' user data, can read these for as long as the cluster lives"
        place = "this computer's boot service" if store == "serve" else store
        yield Diagnostic("PV422", f"{what} lie in {place}", Severity.WARNING, ("payloads", "store"), hint=hint)


def _confidential(desired: Desired, machine: str) -> set[str]:
    slots = desired.compiled.recipes[machine].slots.values()
    return {CONFIDENTIAL[slot.kind] for slot in slots if slot.kind in CONFIDENTIAL}


def _warning(platform: str, machines: list[str], words: set[str]) -> Diagnostic:
    return Diagnostic(
        "PV460",
        f"{_what(machines, words)} travel in {platform}'s user data",
        Severity.WARNING,
        hint="whoever may read the machines' user data there, and every program on them, can read these",
    )


def _what(machines: list[str], words: set[str]) -> str:
    more = f" and {len(machines) - SHOWN} more" if len(machines) > SHOWN else ""
    return f"{' and '.join(sorted(words))} of {', '.join(machines[:SHOWN])}{more}"
