"""Whether images exist and can be used, and whether flavors and volumes are large enough for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing.checking import error, where
from provision_openstack import images, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json, MachineWanted
    from provision_openstack.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the images of all machines."""
    told: set[str] = set()
    for machine in view.wanted.machines:
        name = parts.image_of(machine)
        if name in told:
            continue
        try:
            found = _found(view, name)
        except ProviderError as problem:
            if problem.kind not in (Kind.NOT_FOUND, Kind.INVALID):
                raise
            told.add(name)
            yield error("PV552", f"{machine.name}: {problem.message}", where(machine, "image"), problem.hint)
            continue
        yield from _fits(view, machine, found) if found else ()


def _found(view: View, name: str) -> Json | None:
    if not name:
        hint = "write `image:`: an id or a name of `openstack image list`, or an alias such as flatcar-stable"
        raise ProviderError("no image is named", kind=Kind.NOT_FOUND, hint=hint)
    pinned = images.resolve(name, view.settings, view.catalogue)
    if parts.is_upload(pinned):
        return None
    found = view.catalogue.image(pinned)
    if found.get("status") != "active":
        raise ProviderError(f"the image {name} is {found.get('status')}", kind=Kind.NOT_FOUND)
    return found


def _fits(view: View, machine: MachineWanted, image: Json) -> Iterator[Diagnostic]:
    flavor, volume = view.flavors.get(str(machine.size)), view.options(machine).volume
    if flavor is None:
        return
    disk = volume.size_gib if volume else flavor["disk"]
    least = image.get("min_disk") or 0
    # A flavor without a disk takes what the image has.
    if disk and least > disk:
        message = f"{machine.name}: the image wants {least} GiB of disk and gets {disk}"
        yield error("PV552", message, where(machine, "size"), "take a larger flavor or volume")
    if (image.get("min_ram") or 0) > flavor["ram"]:
        message = (
            f"{machine.name}: the image wants {image['min_ram']} MiB of memory and {flavor['name']} has {flavor['ram']}"
        )
        yield error("PV552", message, where(machine, "size"), "take a larger flavor")
