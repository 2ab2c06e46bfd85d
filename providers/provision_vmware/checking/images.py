"""Whether images are there, and whether machines can be made of them as the options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error, warning, where
from provision.providing.sizes import MIB
from provision_vmware import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import MachineWanted
    from provision_vmware.checking.view import View
    from provision_vmware.places import Template

KIB = 1024


def findings(view: View) -> Iterator[Diagnostic]:
    """Look up the images of all machines, one of each pool."""
    pools: dict[tuple[str, str], MachineWanted] = {}
    for machine in view.wanted.machines:
        pools.setdefault((machine.pool, view.image_of(machine)), machine)
    for (_, image), machine in pools.items():
        if not image:
            hint = "write `image:`, a template's name or an OVA with #sha256= and its digest"
            yield error("PV568", f"{machine.name}: no image is named", where(machine, "image"), hint)
            continue
        try:
            view.templates[image] = view.cloud.places.template(image)
        except ProviderError as problem:
            yield error("PV568", problem.message, where(machine, "image"), problem.hint)
            continue
        yield from _fit(view, machine, view.templates[image])


def _fit(view: View, machine: MachineWanted, template: Template) -> Iterator[Diagnostic]:
    settings = view.options(machine)
    disk = template.first("VirtualDisk")
    wanted = size.parse(machine.size)[0].disk
    if disk is None:
        yield error("PV568", f"{template.name} has no disk", where(machine, "image"))
        return
    if template.powered_on:
        message = f"{template.name} is switched on: machines made of it are as it was when a plug was pulled"
        yield warning("PV568", message, where(machine, "image"), "switch it off and make a template of it")
    if settings.linked_clone and template.snapshot is None:
        message = f"{template.name} has no snapshot to link clones to"
        yield error("PV568", message, where(machine, "options", "linked_clone"), "take one, or leave it out")
    if settings.linked_clone and wanted > disk.capacityInKB * KIB:
        message = f"{machine.name}: the disk of a linked clone cannot be larger than that of {template.name}"
        yield error("PV569", message, where(machine, "size"), f"that is {disk.capacityInKB // KIB} MiB")
    if 0 < wanted < disk.capacityInKB * KIB:
        message = f"{machine.name}: a disk of {wanted // MIB} MiB is smaller than that of {template.name}"
        yield error("PV569", message, where(machine, "size"), f"take at least {disk.capacityInKB // KIB} MiB")
