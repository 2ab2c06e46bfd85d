"""The strict layer itself: on each rule a naive client fails, as it would on AWS, though moto alone lets it pass."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.emulated.ec2 import lab

if TYPE_CHECKING:
    from tests.emulated.ec2.lab import Strict


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def base(**others: Any) -> dict[str, Any]:
    return {"ImageId": lab.AMI, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "KeyName": "ops", **others}


@pytest.fixture
def place(strict: Strict) -> dict[str, Any]:
    """A subnet of the default VPC, a key pair and a group of another VPC."""
    client = strict.client()
    client.import_key_pair(KeyName="ops", PublicKeyMaterial=lab.KEY.encode())
    subnet = min(client.describe_subnets()["Subnets"], key=lambda s: str(s["AvailabilityZone"]))
    group = client.create_security_group(GroupName="g", Description="g", VpcId=subnet["VpcId"])["GroupId"]
    other = client.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    foreign = client.create_security_group(GroupName="g", Description="g", VpcId=other)["GroupId"]
    small = client.create_subnet(VpcId=other, CidrBlock="10.50.0.0/28", AvailabilityZone="us-east-1a")["Subnet"]
    return {
        "subnet": subnet["SubnetId"],
        "group": group,
        "foreign": foreign,
        "small": small["SubnetId"],
    }


def nic(place: dict[str, Any], **others: Any) -> list[dict[str, Any]]:
    return [{"DeviceIndex": 0, "SubnetId": place["subnet"], "Groups": [place["group"]], **others}]


def test_a_client_token_makes_one_machine(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    first, again = (client.run_instances(**base(ClientToken="t")) for _ in range(2))
    assert first["Instances"][0]["InstanceId"] == again["Instances"][0]["InstanceId"]
    assert len(strict.world()["machine"]) == 1
    assert refused(client.run_instances, **base(ClientToken="t", InstanceType="t3.large")) == (
        "IdempotentParameterMismatch"
    )


def test_the_token_of_a_terminated_machine_is_spent(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    number = client.run_instances(**base(ClientToken="t"))["Instances"][0]["InstanceId"]
    client.terminate_instances(InstanceIds=[number])
    assert refused(client.run_instances, **base(ClientToken="t")) == "IdempotentInstanceTerminated"


def test_user_data_has_a_limit(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    client.run_instances(**base(UserData="x" * 16_384))
    assert refused(client.run_instances, **base(UserData="x" * 16_385)) == "InvalidParameterValue"


def test_user_data_is_base64(strict: Strict, place: dict[str, Any]) -> None:
    client = lab.new_client(strict.url, "ec2")
    # As a client that writes the form by itself would: without the SDK's encoding.
    client.meta.events.unregister("before-parameter-build.ec2.RunInstances")
    client.meta.events.register("before-parameter-build.ec2.RunInstances", lambda params, **_: None)
    client.meta.events.register(
        "before-sign.ec2.RunInstances",
        lambda request, **_: request.data.update(UserData="{not base64}"),
    )
    assert refused(client.run_instances, **base(UserData="{}")) == "InvalidUserData.Malformed"


def test_groups_exist_and_are_of_the_subnets_vpc(strict: Strict, place: dict[str, Any]) -> None:
    run = strict.client().run_instances
    ghost = nic(place, Groups=["sg-0123456789abcdef0"])
    assert refused(run, **base(NetworkInterfaces=ghost)) == "InvalidGroup.NotFound"
    assert refused(run, **base(NetworkInterfaces=nic(place, Groups=[place["foreign"]]))) == "InvalidParameter"


def test_image_and_size_are_of_one_architecture(strict: Strict, place: dict[str, Any]) -> None:
    run = strict.client().run_instances
    assert refused(run, **base(ImageId=lab.ARM_AMI)) == "InvalidParameterValue"
    run(**base(ImageId=lab.ARM_AMI, InstanceType="t4g.small"))


def test_addresses_are_of_the_subnet_free_and_for_one(strict: Strict, place: dict[str, Any]) -> None:
    run = strict.client().run_instances

    def code(address: str, **others: Any) -> str:
        given = nic(place, SubnetId=place["small"], Groups=[place["foreign"]], PrivateIpAddress=address)
        return refused(run, **base(NetworkInterfaces=given, **others))

    assert code("10.51.0.4") == "InvalidParameterValue"
    assert code("10.50.0.3") == "InvalidParameterValue"
    assert code("10.50.0.15") == "InvalidParameterValue"
    assert code("10.50.0.5", MinCount=2, MaxCount=2) == "InvalidParameterCombination"
    run(
        **base(
            NetworkInterfaces=nic(
                place, SubnetId=place["small"], Groups=[place["foreign"]], PrivateIpAddress="10.50.0.5"
            )
        )
    )
    assert code("10.50.0.5") == "InvalidIPAddress.InUse"


def test_a_subnet_fills_up(strict: Strict, place: dict[str, Any]) -> None:
    given = nic(place, SubnetId=place["small"], Groups=[place["foreign"]])
    run = strict.client().run_instances
    assert refused(run, **base(NetworkInterfaces=given, MinCount=12, MaxCount=12)) == (
        "InsufficientFreeAddressesInSubnet"
    )
    assert "machine" not in strict.world()


def test_zone_and_subnet_agree(strict: Strict, place: dict[str, Any]) -> None:
    where = {"AvailabilityZone": "us-east-1b"}
    call = base(NetworkInterfaces=nic(place), Placement=where)
    assert refused(strict.client().run_instances, **call) == "InvalidParameterValue"


def test_spot_machines_are_not_protected(strict: Strict, place: dict[str, Any]) -> None:
    call = base(InstanceMarketOptions={"MarketType": "spot"}, DisableApiTermination=True)
    assert refused(strict.client().run_instances, **call) == "InvalidParameterCombination"


def test_tags_have_limits(strict: Strict, place: dict[str, Any]) -> None:
    run = strict.client().run_instances

    def code(tags: dict[str, str]) -> str:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        return refused(run, **base(TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}]))

    assert code({"k": "x" * 257}) == "InvalidParameterValue"
    assert code({"aws:k": "v"}) == "InvalidParameterValue"
    assert code({str(n): "v" for n in range(51)}) == "TagLimitExceeded"


def test_tags_reach_network_interfaces(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    spec = [{"ResourceType": "network-interface", "Tags": [{"Key": "who", "Value": "me"}]}]
    client.run_instances(**base(NetworkInterfaces=nic(place), TagSpecifications=spec))
    [interface] = client.describe_network_interfaces()["NetworkInterfaces"]
    assert interface["TagSet"] == [{"Key": "who", "Value": "me"}]


def test_what_machines_use_is_not_deleted(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    client.run_instances(**base(NetworkInterfaces=nic(place)))
    assert refused(client.delete_security_group, GroupId=place["group"]) == "DependencyViolation"
    assert refused(client.delete_subnet, SubnetId=place["subnet"]) == "DependencyViolation"


def test_instances_are_terminated_by_the_thousand(strict: Strict, place: dict[str, Any]) -> None:
    ids = [f"i-{n:017x}" for n in range(1001)]
    assert refused(strict.client().terminate_instances, InstanceIds=ids) == "InvalidParameterValue"


def test_the_switches_of_moto_are_on(strict: Strict, place: dict[str, Any]) -> None:
    run = strict.client().run_instances
    assert refused(run, **base(ImageId="ami-00000000000000000")) == "InvalidAMIID.NotFound"
    assert refused(run, **base(InstanceType="t3.gigantic")).startswith("InvalidInstanceType")
    assert refused(run, **base(KeyName="nobody's")) == "InvalidKeyPair.NotFound"


def test_faults_strike_before_or_after_the_work(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    strict.faults({"action": "RunInstances", "code": "RequestLimitExceeded", "status": 503, "times": 1})
    assert refused(client.run_instances, **base()) == "RequestLimitExceeded"
    assert "machine" not in strict.world()
    strict.faults({"action": "RunInstances", "reset": True, "after": True, "times": 1})
    with pytest.raises(ConnectionClosedError):
        client.run_instances(**base())
    assert len(strict.world()["machine"]) == 1


def test_reads_may_lag_and_calls_may_be_slow(strict: Strict, place: dict[str, Any]) -> None:
    client = strict.client()
    client.run_instances(**base())
    strict.faults(
        {"action": "DescribeInstances", "empty": True, "times": 1},
        {"action": "DescribeVpcs", "delay": 0.2, "times": 1},
    )
    assert client.describe_instances()["Reservations"] == []
    assert client.describe_instances()["Reservations"]
    began = time.monotonic()
    client.describe_vpcs()
    assert time.monotonic() - began >= 0.2


def test_random_faults_are_the_same_for_the_same_seed(strict: Strict) -> None:
    client = strict.client()

    def codes() -> list[str]:
        strict.ask("baseline", {})
        strict.faults({"action": "DescribeVpcs", "code": "InternalError", "status": 500, "chance": 0.5}, seed=7)
        for _ in range(20):
            with suppress(ClientError):
                client.describe_vpcs()
        return [call["code"] for call in strict.calls()]

    first = codes()
    assert first == codes()
    assert 0 < first.count("InternalError") < 20
