from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from provision.errors import Kind, ProviderError
from provision.model import batch_token
from provision_ec2 import machines
from tests.emulated.ec2 import lab

OPTIONS = {
    "region": "us-east-1",
    "vpc": {"id": "vpc-1", "subnets": ["subnet-1"], "security_groups": ["sg-1"]},
    "key_name": "k",
}


def launch(**others: object) -> machines.Launch:
    [only] = machines.launches(lab.requests(OPTIONS, ["demo-core-1"], **others))  # type: ignore[arg-type]
    return only


def test_equal_machines_go_out_together_whatever_their_order() -> None:
    names = ["demo-w-1", "demo-w-2", "demo-w-10"]
    sent = set()
    for order in permutations(lab.requests(OPTIONS, names)):
        [one] = machines.launches(order)
        assert [r.name for r in one.requests] == names
        sent.add(repr(machines.parameters(one, "subnet-1")))
    assert len(sent) == 1


def test_what_differs_goes_apart() -> None:
    alike = lab.requests(OPTIONS, ["a", "b"])
    others = [
        *lab.requests(OPTIONS, ["c"], payload="other"),
        *lab.requests(OPTIONS, ["d"], zone="us-east-1b"),
        *lab.requests(OPTIONS, ["e"], size="t3.large"),
        *lab.requests(OPTIONS, ["f"], address="10.99.0.10"),
        *lab.requests(OPTIONS, ["g"], protect=True),
    ]
    groups = [[r.name for r in each.requests] for each in machines.launches([*alike, *others])]
    assert groups == [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]]


def test_the_engines_token_is_used_where_it_covers_the_launch() -> None:
    one = lab.requests(OPTIONS, ["a"])
    assert next(machines.launches(one)).token == one[0].token
    batch = [replace(r, token="of-the-batch") for r in lab.requests(OPTIONS, ["a", "b"])]
    assert next(machines.launches(batch)).token == "of-the-batch"


def test_a_token_that_covers_more_than_the_launch_is_never_sent_twice() -> None:
    both = [*lab.requests(OPTIONS, ["a", "b"]), *lab.requests(OPTIONS, ["c", "d"], payload="other")]
    tokens = [each.token for each in machines.launches([replace(r, token="same") for r in both])]
    assert tokens == [batch_token(lab.UID, {"a": 1, "b": 1}), batch_token(lab.UID, {"c": 1, "d": 1})]


def test_a_launch_is_marked_and_hardened() -> None:
    params = machines.parameters(launch(payload="{}"), "subnet-1")
    assert params["MetadataOptions"] == {"HttpEndpoint": "enabled", "HttpTokens": "required"}
    assert [spec["ResourceType"] for spec in params["TagSpecifications"]] == [
        "instance", "volume", "network-interface",
    ]  # fmt: skip
    assert params["MinCount"] == params["MaxCount"] == 1
    assert params["UserData"] == "{}"
    assert params["KeyName"] == "k"
    assert params["NetworkInterfaces"][0] == {
        "DeviceIndex": 0,
        "SubnetId": "subnet-1",
        "Groups": ["sg-1"],
        "AssociatePublicIpAddress": True,
        "DeleteOnTermination": True,
    }
    assert "BlockDeviceMappings" not in params
    assert "InstanceMarketOptions" not in params
    assert "DisableApiTermination" not in params


@pytest.mark.parametrize(
    ("expires", "spot", "behaviour"),
    [
        ("2027-01-01T00:00:00Z", False, "terminate"),
        ("never", False, "stop"),
        ("never", True, "terminate"),
    ],
)
def test_a_machine_with_a_deadline_ends_when_it_switches_itself_off(expires: str, spot: bool, behaviour: str) -> None:
    [request] = lab.requests({**OPTIONS, "spot": spot}, ["a"])
    request = replace(request, labels=request.labels.expiring(expires))
    params = machines.parameters(next(machines.launches([request])), "subnet-1")
    assert params["InstanceInitiatedShutdownBehavior"] == behaviour
    assert ("InstanceMarketOptions" in params) is spot


def test_options_reach_the_call() -> None:
    given = {
        **OPTIONS,
        "instance_profile": "arn:aws:iam::123456789012:instance-profile/nodes",
        "root_volume": {"type": "gp3", "size_gib": 40, "encrypted": True},
        "associate_public_ip": False,
    }
    [request] = lab.requests(given, ["a"], protect=True, zone="us-east-1a", address="10.99.0.10")
    params = machines.parameters(next(machines.launches([request])), "subnet-1")
    assert params["IamInstanceProfile"] == {"Arn": given["instance_profile"]}
    assert params["BlockDeviceMappings"] == [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {"VolumeType": "gp3", "VolumeSize": 40, "Encrypted": True, "DeleteOnTermination": True},
        }
    ]
    assert params["DisableApiTermination"] is True
    assert params["Placement"] == {"AvailabilityZone": "us-east-1a"}
    [interface] = params["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is False
    assert interface["PrivateIpAddress"] == "10.99.0.10"


def test_an_alias_is_not_sent_since_it_may_mean_another_image_at_the_next_try() -> None:
    with pytest.raises(ProviderError) as caught:
        machines.parameters(launch(image="flatcar-stable"), "subnet-1")
    assert caught.value.kind is Kind.INVALID
    assert caught.value.code == "ImageNotPinned"
