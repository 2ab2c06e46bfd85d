"""Whether instance types exist, fit their images, and are offered in the zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.providing.checking import error, warning, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import MachineWanted
    from provision_ec2.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the sizes of all machines; fills `view.types`."""
    names = view.sizes()
    if names:
        filters = [{"Name": "instance-type", "Values": names}]
        types = view.cloud.pages("describe_instance_types", "InstanceTypes", Filters=filters)
        view.types = {item["InstanceType"]: item for item in types}
    told: set[str] = set()
    for machine in view.wanted.machines:
        if (size := str(machine.size)) not in view.types and size not in told:
            told.add(size)
            yield error("PV525", _unknown(view, machine), where(machine, "size"), "write such as t3.small")
    yield from _architectures(view)
    yield from _offers(view)


def _unknown(view: View, machine: MachineWanted) -> str:
    if not isinstance(machine.size, str) or not machine.size:
        return f"{machine.name}: EC2 wants the name of an instance type, not {machine.size!r}"
    return f"there is no instance type {machine.size!r} in {view.settings.region}"


def _architectures(view: View) -> Iterator[Diagnostic]:
    told: set[tuple[str, str]] = set()
    for machine in view.wanted.machines:
        pair = (str(machine.size), view.image_of(machine))
        if pair in told or pair[0] not in view.types or pair[1] not in view.images:
            continue
        told.add(pair)
        takes = view.types[pair[0]].get("ProcessorInfo", {}).get("SupportedArchitectures", [])
        image = view.images[pair[1]]["Architecture"]
        if takes and image not in takes:
            message = f"{machine.name}: {pair[0]} runs {', '.join(takes)}, and the image {pair[1]} is for {image}"
            hint = "take another size, or the image with -arm64" if "arm64" in takes else "take another size or image"
            yield error("PV524", message, where(machine, "image"), hint)


def _offers(view: View) -> Iterator[Diagnostic]:
    known = sorted(view.types)
    if not known or not any(machine.zones for machine in view.wanted.machines):
        return
    filters = [{"Name": "instance-type", "Values": known}]
    items = view.cloud.pages(
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=filters,
    )
    offered = {(item["InstanceType"], item["Location"]) for item in items}
    groups = {(str(m.size), m.zones): m for m in view.wanted.machines if str(m.size) in view.types}
    for (size, zones), machine in groups.items():
        missing = [zone for zone in zones if (size, zone) not in offered]
        if missing:
            grave = error if len(missing) == len(zones) else warning
            message = f"{machine.name}: {size} is not offered in {', '.join(missing)}"
            yield grave("PV526", message, where(machine, "zones"), "take other zones, or another size")
