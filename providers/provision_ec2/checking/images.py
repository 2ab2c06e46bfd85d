"""Whether images exist, and whether root volumes fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import by_image, error, where
from provision_ec2 import images
from provision_ec2.settings import RootVolume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json, MachineWanted
    from provision_ec2.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the images of all machines; fills `view.images`."""
    users = yield from by_image("PV523", view.wanted.machines, view.image_of)
    ids: dict[str, str] = {}
    for name, machine in users.items():
        try:
            ids[name] = images.resolve(name, view.settings, view.context)
        except ProviderError as problem:
            yield error("PV538", problem.message, where(machine, "image"), problem.hint)
    yield from _described(view, ids, users)
    for machine in view.wanted.machines:
        image = view.images.get(view.image_of(machine))
        yield from _root(machine, image, view.options(machine).root_volume) if image else ()


def _described(view: View, ids: dict[str, str], users: dict[str, MachineWanted]) -> Iterator[Diagnostic]:
    if not ids:
        return
    filters = [{"Name": "image-id", "Values": sorted(set(ids.values()))}]
    found = {item["ImageId"]: item for item in view.cloud.pages("describe_images", "Images", Filters=filters)}
    for name, number in ids.items():
        item = found.get(number)
        if item is not None and item["State"] == "available":
            view.images[name] = item
            continue
        state = (
            f"is {item['State']}" if item else f"does not exist in {view.settings.region}, or is not shared with you"
        )
        yield error("PV523", f"the image {number} {state}", where(users[name], "image"), "`provision lock --update`")


def _root(machine: MachineWanted, image: Json, root: RootVolume) -> Iterator[Diagnostic]:
    if root == RootVolume(device=root.device):
        return  # nothing is asked of it, so the AMI's own mapping is used
    device = image.get("RootDeviceName", root.device)
    path = where(machine, "options", "root_volume")
    if device != root.device:
        message = f"{machine.name}: the root device of {image['ImageId']} is {device}, not {root.device}"
        yield error("PV536", message, path, f"write `device: {device}` under root_volume")
    least = max((_size(mapping) for mapping in image.get("BlockDeviceMappings", [])), default=0)
    if root.size_gib is not None and root.size_gib < least:
        message = f"{machine.name}: a root volume of {root.size_gib} GiB is smaller than the image's {least} GiB"
        yield error("PV536", message, path)


def _size(mapping: Json) -> int:
    size: int = mapping.get("Ebs", {}).get("VolumeSize", 0)
    return size
