"""Whether what the options name exists and fits together: VPC, subnets, groups, key pair, instance profile."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error, where
from provision_ec2 import network, parts
from provision_ec2.checking.view import OPTIONS, unreadable
from provision_ec2.listing import DESCRIBE, described

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.diagnostics import Diagnostic
    from provision.model import Json
    from provision_ec2.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what was there before the cluster."""
    settings = view.settings
    if settings.vpc:
        yield from _network(view)
    if settings.key_name:
        key = {"Name": "key-name", "Values": [settings.key_name]}
        if not described(view.cloud, parts.KEY, [key]):
            message = f"there is no key pair {settings.key_name!r} in {settings.region}"
            yield error("PV529", message, (*OPTIONS, "key_name"), "import it, or leave `key_name` out")
    yield from _profiles(view)


def _network(view: View) -> Iterator[Diagnostic]:
    settings, path = view.settings, (*OPTIONS, "vpc")
    if not _found(view, parts.VPC, [settings.vpc]):
        yield error("PV530", f"there is no VPC {settings.vpc} in {settings.region}", (*path, "id"))
        return
    subnets = _found(view, parts.SUBNET, settings.subnets)
    groups = _found(view, parts.GROUP, settings.security_groups)
    for kind, found, names, key in (
        ("subnet", subnets, settings.subnets, "subnets"),
        ("security group", groups, settings.security_groups, "security_groups"),
    ):
        for name in names:
            if name not in found:
                yield error("PV530", f"there is no {kind} {name}", (*path, key))
            elif found[name]["VpcId"] != settings.vpc:
                message = f"the {kind} {name} is in {found[name]['VpcId']}, not in {settings.vpc}"
                yield error("PV530", message, (*path, key))
    yield from _zones(view, {subnet["AvailabilityZone"] for subnet in subnets.values()})
    yield from _room(view, subnets)


def _zones(view: View, served: set[str]) -> Iterator[Diagnostic]:
    for zone in filter(None, network.zones_of(view.wanted)):
        if served and zone not in served:
            message = f"none of the subnets is in zone {zone}"
            yield error("PV530", message, (*OPTIONS, "vpc", "subnets"), f"name one; there are: {', '.join(served)}")


def _room(view: View, subnets: dict[str, Json]) -> Iterator[Diagnostic]:
    cut = {subnet["SubnetId"]: IPv4Network(subnet["CidrBlock"]) for subnet in subnets.values()}
    for machine in view.wanted.machines:
        fits = [
            number for number, block in cut.items() if machine.address and network.assignable(machine.address, block)
        ]
        if machine.address and cut and not fits:
            message = f"{machine.name}: the address {machine.address} is in none of the subnets"
            ranges = ", ".join(map(str, cut.values()))
            yield error("PV535", message, ("machines", machine.name, "address"), f"they are: {ranges}")


def _found(view: View, kind: str, ids: Sequence[str]) -> dict[str, Json]:
    if not ids:
        return {}
    items = described(view.cloud, kind, [{"Name": DESCRIBE[kind][2], "Values": list(ids)}])
    field = {parts.VPC: "VpcId", parts.SUBNET: "SubnetId", parts.GROUP: "GroupId"}[kind]
    return {item[field]: item for item in items}


def _profiles(view: View) -> Iterator[Diagnostic]:
    wanted = {view.options(m).instance_profile: m for m in view.wanted.machines if view.options(m).instance_profile}
    for profile, machine in wanted.items():
        try:
            name = profile.rpartition("/")[2]
            view.cloud.call("get_instance_profile", service="iam", InstanceProfileName=name)
        except ProviderError as problem:
            if problem.code == "NoSuchEntity":
                path = where(machine, "options", "instance_profile")
                yield error("PV537", f"there is no instance profile {profile!r}", path)
            else:
                yield unreadable(f"the instance profile {profile}", problem)
