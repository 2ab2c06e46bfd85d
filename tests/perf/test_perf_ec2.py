"""What a cluster on EC2 costs in calls of its API (asserted: it does not depend on the machine) and in time (reported).

Calls of `up` are those of a plan and its application: the list that the plan begins with, RunInstances, and the looks
until all run. The preflight is counted apart.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.apply.retry import Pace
from tests.emulated.ec2 import lab
from tests.emulated.ec2.bench import Bench
from tests.emulated.ec2.lab import existing, strict

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json
    from tests.emulated.ec2.lab import Strict

__all__ = ["existing", "strict"]

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

COUNT = 50
PACE = Pace(timeout=120)


def calls(strict: Strict, what: str, run: Any) -> int:
    """Run something; print and return how many calls it took."""
    strict.ask("baseline", {})
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    counts = strict.counts()
    listed = ", ".join(f"{n} {action}" for action, n in sorted(counts.items()))
    print(f"\n{what}: {counts.total()} calls in {seconds:.2f} s ({listed})")
    return counts.total()


@pytest.mark.parametrize(("payloads", "most"), [("one", 1 + 5), ("fifty", COUNT + 5)])
def test_fifty_machines_on_an_existing_network(
    existing: Json, strict: Strict, tmp_path: Path, payloads: str, most: int
) -> None:
    own = payloads == "fifty"
    # A look that begins before the last machine is made must be followed by another one; how many, time decides.
    bench = Bench(existing, tmp_path, voters=0, workers=COUNT, own_payloads=own, pace=PACE)
    total = calls(strict, f"up of {COUNT}, {payloads} payload(s)", bench.up)
    assert total - max(0, strict.counts()["DescribeInstances"] - 2) <= most
    assert len(bench.names()) == COUNT
    assert calls(strict, f"up again of {COUNT}", bench.up) <= 2
    assert calls(strict, f"down of {COUNT}", bench.down) <= 2 + 5
    assert bench.names() == []


def test_what_a_network_of_its_own_adds(existing: Json, strict: Strict, tmp_path: Path) -> None:
    plain = Bench(existing, tmp_path / "existing", voters=0, workers=5, pace=PACE)
    up, down = calls(strict, "up of 5, existing network", plain.up), calls(strict, "down", plain.down)
    for zones in ((), ("us-east-1a", "us-east-1b", "us-east-1c")):
        strict.ask("tomorrow", {})
        own = Bench(lab.options(strict), tmp_path / f"own{len(zones)}", voters=0, workers=5, zones=zones, pace=PACE)
        more = calls(strict, f"up of 5, own network, {len(zones) or 1} zone(s)", own.up) - up
        less = calls(strict, "down", own.down) - down
        print(f"\na network of its own in {len(zones) or 1} zone(s) adds {more} calls to `up` and {less} to `down`")


def test_preflight(existing: Json, strict: Strict, tmp_path: Path) -> None:
    wanted = lab.wanted(existing, [f"demo-w-{n}" for n in range(COUNT)], zones=("us-east-1a",))
    cloud = lab.provider(existing, tmp_path)
    assert calls(strict, f"check of {COUNT}", lambda: cloud.check(wanted)) <= 12


def test_time_of_up_against_plain_boto3(existing: Json, strict: Strict, tmp_path: Path) -> None:
    """Fifty payloads at 50 ms a call: the engine and the provider against a loop of boto3, best of three each."""
    delay = {"action": "*", "delay": 0.05}
    ours, floor = [], []
    for n in range(3):
        strict.ask("tomorrow", {})
        bench = Bench(existing, tmp_path / str(n), voters=0, workers=COUNT, own_payloads=True, pace=PACE)
        bench.pace = replace(PACE, poll=0.1)
        strict.faults(delay)
        began = time.perf_counter()
        bench.up()
        ours.append(time.perf_counter() - began)
        strict.faults()
        bench.down()
        strict.faults(delay)
        floor.append(_floor(existing, strict, bench.cloud.traits.concurrency))
        strict.faults()
    ratio = min(ours) / min(floor)
    print(f"\nup of {COUNT} with 50 ms a call: {min(ours):.2f} s; plain boto3: {min(floor):.2f} s; ratio {ratio:.2f}")


def _floor(existing: Json, strict: Strict, threads: int) -> float:
    """Return the seconds that plain boto3 takes for the same machines: look, run in threads, look, with all tags."""
    client = lab.new_client(strict.url, "ec2")
    vpc = existing["vpc"]
    spec = [
        {"ResourceType": kind, "Tags": [{"Key": f"provision:{n}", "Value": "v"} for n in range(8)]}
        for kind in ("instance", "volume", "network-interface")
    ]
    nic = {"DeviceIndex": 0, "SubnetId": vpc["subnets"][0], "Groups": vpc["security_groups"]}

    def run(n: int) -> str:
        answer = client.run_instances(
            ImageId=lab.AMI,
            InstanceType="t3.small",
            KeyName="ops",
            MinCount=1,
            MaxCount=1,
            UserData=f"{n}",
            NetworkInterfaces=[nic],
            TagSpecifications=spec,
        )
        return str(answer["Instances"][0]["InstanceId"])

    began = time.perf_counter()
    client.describe_instances()
    client.describe_tags()
    with ThreadPoolExecutor(threads) as pool:
        ids = list(pool.map(run, range(COUNT)))
    client.describe_instances(InstanceIds=ids)
    seconds = time.perf_counter() - began
    client.terminate_instances(InstanceIds=ids)
    return seconds
