"""kill -9 on EC2: in a VPC that exists, with a security group and a key pair of the cluster's own; at all points on a
network of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.emulated import killing
from tests.emulated.ec2 import lab
from tests.emulated.ec2.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated import bench as benches


@dataclass
class Killing(killing.Killing):
    given: Json = field(default_factory=dict)

    def bench(self, where: Path) -> Bench:
        return Bench(self.given, where)

    def forked(self, bench: benches.Bench) -> None:
        for client in bench.cloud._cloud._clients.values():
            client._endpoint.http_session.close()


@pytest.fixture
def kill(existing: Json, strict: lab.Strict, ram: Path) -> Killing:
    vpc = {k: v for k, v in existing["vpc"].items() if k != "security_groups"}
    known = {k: v for k, v in existing.items() if k != "key_name"} | {"vpc": vpc}
    given = lab.options(strict) if killing.FULL else known
    # The client is made once, before the forks.
    lab.provider(given, ram)._cloud.call("describe_vpcs")
    return Killing(strict, ram, step=1 if killing.FULL else 9, given=given)


def test_up(kill: Killing) -> None:
    kill.up(first=3, least=20)


def test_down(kill: Killing) -> None:
    kill.down(first=2, least=10)
