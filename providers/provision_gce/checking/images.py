"""Whether images exist and may be used, and whether boot disks hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing.checking import by_image, error, where
from provision_gce import images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json, MachineWanted
    from provision_gce.checking.view import View

UNUSABLE = ("OBSOLETE", "DELETED")
"""https://cloud.google.com/compute/docs/images/image-management-best-practices#deprecate"""


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the images of all machines; fills `view.images`."""
    users = yield from by_image("PV542", view.wanted.machines, view.image_of)
    for name, machine in users.items():
        try:
            view.images[name] = _image(view, images.resolve(name, view.cloud, view.settings, view.context))
        except ProviderError as problem:
            message = f"there is no image {name}" if problem.kind is Kind.NOT_FOUND else problem.message
            yield error("PV542", message, where(machine, "image"), problem.hint)
            continue
        yield from _usable(name, view.images[name], machine)
    for machine in view.wanted.machines:
        image, size = view.images.get(view.image_of(machine), {}), view.options(machine).boot_disk.size_gib
        if size is not None and size < (least := int(image.get("diskSizeGb", "0"))):
            message = f"{machine.name}: a boot disk of {size} GiB is smaller than the image's {least} GiB"
            yield error("PV542", message, where(machine, "options", "boot_disk"))


def _image(view: View, name: str) -> Json:
    _, project, _, _, image = name.split("/")
    return view.cloud.call("images.get", project=project, image=image)


def _usable(name: str, image: Json, machine: MachineWanted) -> Iterator[Diagnostic]:
    state = image.get("deprecated", {}).get("state", "")
    if state in UNUSABLE or image.get("status", "READY") != "READY":
        what = state or image["status"]
        hint = "`provision lock --update` takes the newest"
        yield error("PV542", f"the image {name} is {what.lower()}", where(machine, "image"), hint)
