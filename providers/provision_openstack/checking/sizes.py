"""Whether flavors exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_openstack.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the sizes of all machines; fills `view.flavors`."""
    told: set[str] = set()
    view.catalogue.flavors()
    for machine in view.wanted.machines:
        size = str(machine.size)
        if size in told or size in view.flavors:
            continue
        if not isinstance(machine.size, str) or not machine.size:
            told.add(size)
            message = f"{machine.name}: OpenStack wants the name of a flavor, not {machine.size!r}"
            yield error("PV553", message, where(machine, "size"), "write such as m1.small")
            continue
        try:
            view.flavors[size] = view.catalogue.flavor(size)
        except ProviderError as problem:
            told.add(size)
            yield error("PV553", problem.message, where(machine, "size"), problem.hint)
