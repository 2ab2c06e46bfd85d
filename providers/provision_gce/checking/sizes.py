"""Whether machine types exist in the zones, and fit their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error, warning, where
from provision_gce import sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json, MachineWanted
    from provision_gce.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the sizes of all machines; fills `view.sizes`."""
    told: set[str] = set()
    for machine in view.wanted.machines:
        if not isinstance(machine.size, str) or not machine.size:
            if machine.pool not in told:
                told.add(machine.pool)
                message = f"{machine.name}: GCE wants the name of a machine type, not {machine.size!r}"
                yield error("PV543", message, where(machine, "size"), "write such as e2-small or n2-custom-4-8192")
            continue
        for zone in machine.zones:
            if zone in view.zones and (found := _type(view, zone, machine.size)):
                view.sizes[zone, machine.size] = found
    yield from _offers(view)
    yield from _architectures(view)


def _type(view: View, zone: str, size: str) -> Json | None:
    if (zone, size) in view.sizes:
        return view.sizes[zone, size]
    try:
        # One by one, since custom types are in no list.
        return view.cloud.call("machineTypes.get", zone=zone, machineType=size)
    except ProviderError as problem:
        if not sdk.absent(problem):
            raise
        return None


def _offers(view: View) -> Iterator[Diagnostic]:
    groups = {(m.size, m.zones): m for m in view.wanted.machines if isinstance(m.size, str) and m.size}
    for (size, zones), machine in groups.items():
        missing = sorted(zone for zone in zones if zone in view.zones and (zone, size) not in view.sizes)
        if missing:
            grave = warning if view.type_of(machine) else error
            message = f"{machine.name}: there is no machine type {size!r} in {', '.join(missing)}"
            yield grave("PV543", message, where(machine, "size"), "take another size, or other zones")


def _architectures(view: View) -> Iterator[Diagnostic]:
    told: set[tuple[str, str]] = set()
    for machine in view.wanted.machines:
        pair = (str(machine.size), view.image_of(machine))
        kind, image = view.type_of(machine), view.images.get(pair[1])
        if pair in told or kind is None or image is None:
            continue
        told.add(pair)
        runs, needs = kind.get("architecture", ""), image.get("architecture", "")
        if runs and needs and runs != needs:
            yield error("PV543", _mismatch(machine, runs, needs), where(machine, "image"), _other(runs))


def _mismatch(machine: MachineWanted, runs: str, needs: str) -> str:
    return f"{machine.name}: {machine.size} runs {runs}, and its image is for {needs}"


def _other(runs: str) -> str:
    return "take another size, or the image with -arm64" if runs == "ARM64" else "take another size or image"
