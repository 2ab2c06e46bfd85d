"""What EC2 refuses and moto does not. Every rule names its source; tests show that a naive client fails on each."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES

from tests.emulated.ec2.query import Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

USER_DATA_LIMIT = 16_384


def backend(call: Call) -> Any:
    return ec2_backends[DEFAULT_ACCOUNT_ID][call.region]


def user_data(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html (16 KB before base64), and
    InvalidUserData.Malformed of https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html"""
    try:
        raw = base64.b64decode(call.params.get("UserData", ""), validate=True)
    except binascii.Error:
        raise Refusal("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data") from None
    if len(raw) > USER_DATA_LIMIT:
        raise Refusal("InvalidParameterValue", f"User data is limited to {USER_DATA_LIMIT} bytes")


def tag_values(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html (restrictions)"""
    for _, tags in call.tags():
        if len(tags) > 50:
            raise Refusal("TagLimitExceeded", "More than 50 tags specified")
        for key, value in tags.items():
            if key.lower().startswith("aws:"):
                raise Refusal("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
            if len(key) > 128 or len(value) > 256:
                raise Refusal("InvalidParameterValue", f"Tag {key!r} exceeds the maximum length")


def security_groups(call: Call) -> None:
    """InvalidGroup.NotFound, and InvalidParameter for groups of another VPC: errors-overview.html"""
    for nic in call.items("NetworkInterface"):
        subnet = subnet_of(call, nic)
        groups = [v for k, v in nic.items() if k.startswith("SecurityGroupId.")]
        for number in groups:
            group = backend(call).get_security_group_from_id(number)
            if group is None:
                raise Refusal("InvalidGroup.NotFound", f"The security group '{number}' does not exist")
            if subnet is not None and group.vpc_id != subnet.vpc_id:
                raise Refusal(
                    "InvalidParameter", f"Security group {number} and subnet {subnet.id} belong to different networks."
                )


def architecture(call: Call) -> None:
    """https://repost.aws/knowledge-center/ec2-architecture-ami-errors (the message is InvalidParameterValue's)"""
    kind = INSTANCE_TYPES.get(call.params.get("InstanceType", ""))
    ami = backend(call).amis.get(call.params.get("ImageId", ""))
    supported = kind["ProcessorInfo"]["SupportedArchitectures"] if kind else []
    if kind and ami and ami.architecture not in supported:
        raise Refusal(
            "InvalidParameterValue",
            f"The architecture '{','.join(supported)}' of the specified instance type does not match the architecture "
            f"'{ami.architecture}' of the specified AMI.",
        )


def addresses(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html (PrivateIpAddress: one, from the
    subnet's range), https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html (five are reserved), and
    InvalidIPAddress.InUse, InsufficientFreeAddressesInSubnet of errors-overview.html"""
    count = int(call.params.get("MaxCount", "1"))
    for nic in call.items("NetworkInterface"):
        subnet = subnet_of(call, nic)
        if subnet is None:
            continue
        network, taken = IPv4Network(subnet.cidr_block), _taken(call, subnet.id)
        if len(taken) + count > network.num_addresses - 5:
            raise Refusal("InsufficientFreeAddressesInSubnet", f"Not enough free addresses in {subnet.id}")
        asked = nic.get("PrivateIpAddress")
        if asked:
            _one_address(asked, network, taken, count)


def _one_address(asked: str, network: IPv4Network, taken: set[str], count: int) -> None:
    if count > 1:
        raise Refusal("InvalidParameterCombination", "A private IP address can be given for one instance only")
    number = IPv4Address(asked)
    if number not in network:
        raise Refusal("InvalidParameterValue", f"Address {asked} does not fall within the subnet's address range")
    if int(number) - int(network.network_address) < 4 or number == network.broadcast_address:
        raise Refusal("InvalidParameterValue", f"Address {asked} is in subnet's reserved address range")
    if asked in taken:
        raise Refusal("InvalidIPAddress.InUse", f"Address {asked} is in use.")


def placement(call: Call) -> None:
    """InvalidParameterValue of errors-overview.html: a subnet is in one zone, so the two must agree"""
    wanted = call.params.get("Placement.AvailabilityZone")
    for nic in call.items("NetworkInterface"):
        subnet = subnet_of(call, nic)
        if wanted and subnet is not None and subnet.availability_zone != wanted:
            raise Refusal("InvalidParameterValue", f"Zone {wanted} does not match the zone of subnet {subnet.id}")


def spot(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html (not for spot)"""
    if call.params.get("InstanceMarketOptions.MarketType") == "spot" and _true(call, "DisableApiTermination"):
        raise Refusal("InvalidParameterCombination", "You can't enable termination protection for a Spot Instance")


def terminate_count(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html (up to 1,000 in a request)"""
    if len(call.items("InstanceId")) > 1000:
        raise Refusal("InvalidParameterValue", "More than 1000 instances in one request")


def terminate_twice(call: Call) -> None:
    """TerminateInstances refuses the whole request when it names an instance that never was: errors-overview.html"""
    numbers = [item[""] for item in call.items("InstanceId")]
    double = [number for number, times in Counter(numbers).items() if times > 1]
    if double:
        raise Refusal("InvalidParameterValue", f"Duplicate instance ids: {double}")


def in_use(call: Call) -> None:
    """DependencyViolation of errors-overview.html: what an instance that still exists uses is not deleted"""
    number = call.params.get("GroupId") or call.params.get("SubnetId") or ""
    for instance in alive(backend(call)):
        groups = {group.id for nic in instance.nics.values() for group in nic.group_set}
        if number == instance.subnet_id or number in groups:
            raise Refusal("DependencyViolation", f"resource {number} has a dependent object")


def alive(backend: Any) -> list[Any]:
    """Return the instances that are not terminated."""
    return [i for r in backend.reservations.values() for i in r.instances if i._state.name != "terminated"]


def _taken(call: Call, subnet: str) -> set[str]:
    return {i.private_ip for i in alive(backend(call)) if i.subnet_id == subnet}


def subnet_of(call: Call, nic: dict[str, str]) -> Any:
    number = nic.get("SubnetId", "")
    return next((zone[number] for zone in backend(call).subnets.values() if number in zone), None)


def _true(call: Call, name: str) -> bool:
    return call.params.get(name, "").lower() == "true"


RULES: dict[str, tuple[Callable[[Call], None], ...]] = {
    "RunInstances": (user_data, tag_values, security_groups, architecture, placement, addresses, spot),
    "CreateVpc": (tag_values,),
    "CreateSubnet": (tag_values,),
    "CreateSecurityGroup": (tag_values,),
    "ImportKeyPair": (tag_values,),
    "TerminateInstances": (terminate_count, terminate_twice),
    "DeleteSecurityGroup": (in_use,),
    "DeleteSubnet": (in_use,),
}
