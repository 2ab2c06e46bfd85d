"""A cluster's life on EC2, through the provider contract alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.model import MACHINE, State
from tests.emulated.ec2 import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.ec2.lab import Strict


def test_a_cluster_with_a_network_of_its_own_comes_and_goes(strict: Strict, tmp_path: Path) -> None:
    given = lab.options(strict)
    cloud = lab.provider(given, tmp_path)
    zones = ("us-east-1a", "us-east-1b")
    wanted = lab.wanted(given, ["demo-core-1"], zones=zones)
    made = lab.make_parts(cloud, cloud.parts(wanted))
    [core] = lab.good(cloud.create(lab.requests(given, ["demo-core-1"], made, zone="us-east-1a", address="10.99.0.10")))
    workers = lab.good(
        cloud.create(lab.requests(given, ["demo-w-1", "demo-w-2"], made, zone="us-east-1b", payload="same"))
    )
    assert core.addresses["private"] == "10.99.0.10"
    assert {o.name for o in workers} == {"demo-w-1", "demo-w-2"}
    seen = list(cloud.list(lab.OWNER))
    assert {(o.kind, o.name) for o in seen} == {
        (MACHINE, "demo-core-1"), (MACHINE, "demo-w-1"), (MACHINE, "demo-w-2"),
        *((request.kind, request.name) for request in cloud.parts(wanted)),
    }  # fmt: skip
    assert {o.state for o in seen} == {State.RUNNING}
    assert {o.name: dict(o.outputs) for o in seen if o.kind != MACHINE} == made
    assert all(o.labels == lab.labels(o.name) for o in seen)
    lab.clear(cloud)
    assert strict.world() == {}
    assert list(cloud.list(lab.OWNER)) == []
