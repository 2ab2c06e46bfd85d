"""What EC2 reports, as observations. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.model import MACHINE, Observed, State
from provision_ec2 import parts, tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

STATES = {
    "pending": State.PENDING,
    "running": State.RUNNING,
    "stopping": State.STOPPED,
    "stopped": State.STOPPED,
    "shutting-down": State.DELETING,
    "terminated": State.DELETING,
}
ALIVE = ("pending", "running", "stopping", "stopped", "shutting-down")
"""Instance states that are listed; EC2 goes on showing terminated ones for about an hour."""

ID_FIELDS = {
    parts.VPC: "VpcId",
    parts.GATEWAY: "InternetGatewayId",
    parts.ROUTES: "RouteTableId",
    parts.SUBNET: "SubnetId",
    parts.GROUP: "GroupId",
    parts.KEY: "KeyPairId",
    parts.INTERFACE: "NetworkInterfaceId",
    parts.VOLUME: "VolumeId",
}


def machine(item: Json) -> Observed:
    """Read an instance of DescribeInstances or RunInstances."""
    marks = tags.plain(item)
    labels = tags.read(marks, item.get("AmiLaunchIndex", 0))
    addresses = {"private": item.get("PrivateIpAddress"), "public": item.get("PublicIpAddress")}
    return Observed(
        kind=MACHINE,
        name=labels.machine if labels else item["InstanceId"],
        id=item["InstanceId"],
        provider=parts.PROVIDER,
        state=STATES.get(item["State"]["Name"], State.UNKNOWN),
        labels=labels,
        token=item.get("ClientToken", ""),
        addresses={name: address for name, address in addresses.items() if address},
        outputs={
            "id": item["InstanceId"],
            "attached": " ".join(attached(item)),
            "lifecycle": item.get("InstanceLifecycle", "on-demand"),
        },
        size=item.get("InstanceType", ""),
        zone=item.get("Placement", {}).get("AvailabilityZone", ""),
        protected=marks.get(tags.PROTECTED) == "true",
        created=item.get("LaunchTime"),
        detail=item.get("StateReason", {}).get("Message", ""),
    )


def attached(item: Json) -> list[str]:
    """Return the ids of an instance's volumes and network interfaces."""
    volumes = [m["Ebs"]["VolumeId"] for m in item.get("BlockDeviceMappings", []) if "VolumeId" in m.get("Ebs", {})]
    return [*volumes, *(i["NetworkInterfaceId"] for i in item.get("NetworkInterfaces", []))]


def part(kind: str, item: Json, detail: str = "") -> Observed:
    """Read a part; `detail` says what a half-made one lacks.

    That makes it a failed one, of generation 0: no request of the engine has made it yet, so the same request is sent
    again and finishes it; a later run makes it anew.
    """
    labels = tags.read(tags.plain(item))
    if labels and detail:
        labels = replace(labels, generation=0)
    number = item[ID_FIELDS[kind]]
    # A volume or interface has the labels of its machine, so its own name is its id.
    named = labels and kind not in (parts.VOLUME, parts.INTERFACE)
    return Observed(
        kind=kind,
        name=labels.machine if labels and named else number,
        id=number,
        provider=parts.PROVIDER,
        state=State.FAILED if detail else State.RUNNING,
        labels=labels,
        outputs=outputs(kind, item),
        zone=item.get("AvailabilityZone", ""),
        created=item.get("CreateTime"),
        detail=detail,
    )


def outputs(kind: str, item: Json) -> Mapping[str, str]:
    """Return what requests may take from a part."""
    given = {"id": item[ID_FIELDS[kind]]}
    if kind == parts.GATEWAY:
        given["vpc"] = " ".join(link["VpcId"] for link in item.get("Attachments", []))
    elif kind == parts.SUBNET:
        given |= {"zone": item["AvailabilityZone"], "cidr": item["CidrBlock"]}
    elif kind == parts.KEY:
        given["key_name"] = item["KeyName"]
    return given


def lacks(kind: str, item: Json, tables: list[Json]) -> str:
    """Say what a part that takes two calls still lacks; "" when it is whole.

    `tables` are the cluster's route tables, which know the subnets that they belong to.
    """
    if kind == parts.GATEWAY and not item.get("Attachments"):
        return "not attached to its VPC"
    if kind == parts.ROUTES and not any(r.get("GatewayId", "").startswith("igw-") for r in item.get("Routes", [])):
        return "without its route to the internet"
    if kind == parts.SUBNET and not any(_serves(table, item["SubnetId"]) for table in tables):
        return "not tied to its route table"
    if kind == parts.GROUP and not any(_from_itself(p, item["GroupId"]) for p in item.get("IpPermissions", [])):
        return "without its rules"
    return ""


def _serves(table: Json, subnet: str) -> bool:
    return any(link.get("SubnetId") == subnet for link in table.get("Associations", []))


def _from_itself(permission: Json, group: str) -> bool:
    return any(pair.get("GroupId") == group for pair in permission.get("UserIdGroupPairs", []))
