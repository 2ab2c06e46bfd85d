"""Clusters on every emulated platform at once, brought up by the real program from two state directories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from provision_gce.sdk import ENDPOINT
from tests.emulated import control
from tests.emulated.ec2 import lab as ec2
from tests.emulated.gce import lab as gce
from tests.emulated.openstack import lab as openstack
from tests.emulated.rackspace import lab as rackspace
from tests.unit.providers.vagrant import kit as vagrant

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KEY = ec2.KEY


@dataclass(frozen=True)
class Platform:
    """One emulated account: what a spec says of it, and what its machines are like."""

    provider: str
    options: dict[str, Any]
    pool: dict[str, Any]
    os: str = "flatcar"


def fake(root: Path, name: str) -> Platform:
    """Return an account of the fake cloud."""
    return Platform("fake", {"path": str(root / f"{name}.sqlite")}, {"size": "small"}, "fcos")


def on_ec2(patch: pytest.MonkeyPatch) -> Platform:
    """Return the strict EC2, with an existing network."""
    for name, value in ec2.ENVIRONMENT.items():
        patch.setenv(name, value)
    server = ec2.Strict(control.start("tests.emulated.ec2.server"))
    server.reset()
    client = server.client()
    subnet = client.describe_subnets()["Subnets"][0]
    group = client.create_security_group(GroupName="here", Description="not ours", VpcId=subnet["VpcId"])["GroupId"]
    client.import_key_pair(KeyName="ops", PublicKeyMaterial=KEY.encode())
    network = {"id": subnet["VpcId"], "subnets": [subnet["SubnetId"]], "security_groups": [group]}
    return Platform("ec2", {**ec2.options(server), "vpc": network, "key_name": "ops"}, {"size": "t3.small"})


def on_gce(patch: pytest.MonkeyPatch) -> Platform:
    """Return the strict GCE, with an existing network."""
    server = gce.Strict(control.start("tests.emulated.gce.server"))
    patch.setenv(ENDPOINT, f"{server.url}/compute/v1/")
    server.reset()
    network = {"name": "default", "subnetwork": "default", "tags": ["here-before"]}
    return Platform("gce", {**gce.options(), "network": network}, {"size": "e2-small", "zones": [gce.ZONE]})


def on_openstack(root: Path, patch: pytest.MonkeyPatch) -> Platform:
    """Return the strict OpenStack, with networks of the clusters' own."""
    server = openstack.Strict(control.start("tests.emulated.openstack.server"))
    patch.setenv("OS_CLIENT_CONFIG_FILE", str(openstack.clouds(server.url, root)))
    patch.setenv("OS_CLOUD", "strict")
    server.ask("reset", {})
    options = {**openstack.PLAIN, "router": False, "image": "cirros"}
    return Platform("openstack", options, {"size": "m1.tiny"})


def on_rackspace(patch: pytest.MonkeyPatch) -> Platform:
    """Return mimic, with cloud networks of the clusters' own."""
    server = rackspace.start()
    for name, value in server.environment().items():
        patch.setenv(name, value)
    server.ask("reset", {})
    return Platform("rackspace", {"image": "CoreOS (Stable)"}, {"size": "general1-1"}, "container-linux")


def on_vagrant(root: Path, patch: pytest.MonkeyPatch) -> Platform:
    """Return this computer with a stub of Vagrant, which keeps machines as Vagrant does."""
    place = root / "vagrant"
    place.mkdir()
    with vagrant.kit(place, patch):  # it leaves its program on PATH, and its home
        return Platform("vagrant", {"box": "tiny"}, {"size": {"cpus": 1}}, "lab")


def spec(platform: Platform, name: str, owner: str) -> str:
    """Return the spec of a cluster of one machine."""
    return yaml.safe_dump(
        {
            "version": 1,
            "cluster": name,
            "owner": owner,
            "ttl": "8h",
            "os": platform.os,
            "ssh": {"keys": [KEY]},
            "providers": {platform.provider: platform.options},
            "pools": {"web": {"count": 1, **platform.pool}},
        },
        sort_keys=False,
    )
