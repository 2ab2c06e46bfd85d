"""What else there is in a region: everything that is not ours, and nothing that AWS puts there by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulated.ec2 import lab
from tests.emulated.ec2.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json


def test_only_what_is_not_ours(existing: Json, strict: lab.Strict, tmp_path: Path) -> None:
    bench = Bench(existing, tmp_path, voters=0, workers=2)
    bench.up()
    cloud = bench.cloud
    assert {(o.kind, o.name) for o in cloud.unlabelled() if o.kind == "machine"} == set()
    client = strict.client()
    subnet = existing["vpc"]["subnets"][0]
    (made,) = client.run_instances(ImageId=lab.AMI, InstanceType="t3.small", MinCount=1, MaxCount=1, SubnetId=subnet)[
        "Instances"
    ]
    vpc = client.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    volume = client.create_volume(AvailabilityZone="us-east-1a", Size=8)["VolumeId"]
    found = {o.id: o.kind for o in cloud.unlabelled()}
    assert {id_: kind for id_, kind in found.items() if kind in {"machine", "vpc", "volume"}} == {
        made["InstanceId"]: "machine",
        vpc: "vpc",
        volume: "volume",
    }
    assert set(found.values()) >= {"security-group", "key-pair"}, "the group and the key that were there before"
    assert not [o for o in cloud.unlabelled() if o.labels]
    assert not set(found) & {o.id for o in cloud.list(None)}
