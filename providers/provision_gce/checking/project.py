"""Who we are, and whether project, region and zones can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing.checking import error, where
from provision_gce.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_gce.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check credentials, project, region and zones; fills `view.project`, `view.region` and `view.zones`."""
    settings = view.settings
    try:
        view.project = view.cloud.call("projects.get")
    except ProviderError as problem:
        message = f"the project {settings.project} cannot be used: {problem.message}"
        yield error("PV540", message, (*OPTIONS, "project"), problem.hint)
        return
    try:
        view.region = view.cloud.call("regions.get", region=settings.region)
    except ProviderError as problem:
        gone = problem.kind is Kind.NOT_FOUND
        message = f"there is no region {settings.region!r}" if gone else f"region {settings.region}: {problem.message}"
        yield error("PV541", message, (*OPTIONS, "region"), problem.hint)
        return
    view.zones = frozenset(url.rpartition("/")[2] for url in view.region.get("zones", []))
    yield from _zones(view)


def _zones(view: View) -> Iterator[Diagnostic]:
    users = {zone: machine for machine in reversed(view.wanted.machines) for zone in machine.zones}
    for zone, machine in users.items():
        if zone not in view.zones:
            hint = f"there are: {', '.join(sorted(view.zones))}"
            message = f"there is no zone {zone!r} in {view.settings.region}"
            yield error("PV541", message, where(machine, "zones"), hint)
