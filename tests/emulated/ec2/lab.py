"""One strict EC2 for each test process, and what tests do with it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from provision.model import MachineWanted
from provision.provider import Context
from provision_ec2 import EC2
from tests.emulated import control, things
from tests.emulated.things import KEY, OWNER, UID, clear, good, labels, listed, make_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from provision.model import Json, Request, Wanted

__all__ = ["KEY", "OWNER", "UID", "clear", "good", "labels", "listed", "make_parts"]

REGION = "us-east-1"
AMI, ARM_AMI, OTHER_AMI = "ami-0f1a7ca500000001", "ami-0f1a7ca500000002", "ami-0deb1a00000000001"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass(frozen=True)
class Strict(control.Control):
    """The control side of the strict EC2."""

    def client(self, service: str = "ec2") -> Any:
        """Return a naive boto3 client, with the SDK's defaults but for retries."""
        return _client(self.url, service)


def new_client(url: str, service: str) -> Any:
    import boto3
    from botocore.config import Config

    session: Any = boto3.Session("AKIDEXAMPLE", "secret", region_name=REGION)
    return session.client(service, endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


_client = functools.cache(new_client)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Strict:
    """An empty strict EC2."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server = Strict(control.start("tests.emulated.ec2.server"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    server.reset()
    return server


@pytest.fixture
def existing(strict: Strict) -> Json:
    """Options that name an existing network: moto's default VPC, two of its subnets, a group."""
    client = strict.client()
    subnets = sorted(client.describe_subnets()["Subnets"], key=lambda s: s["AvailabilityZone"])[:2]
    vpc = subnets[0]["VpcId"]
    group = client.create_security_group(GroupName="here-before", Description="not ours", VpcId=vpc)["GroupId"]
    client.import_key_pair(KeyName="ops", PublicKeyMaterial=KEY.encode())
    strict.ask("baseline", {})
    return {
        **options(strict),
        "vpc": {"id": vpc, "subnets": [s["SubnetId"] for s in subnets], "security_groups": [group]},
        "key_name": "ops",
    }


def options(strict: Strict) -> Json:
    """Options that let the provider make a network of its own."""
    return {"region": REGION, "endpoint_url": strict.url, "image": AMI}


_CLIENTS: dict[tuple[str, str], dict[str, Any]] = {}


def provider(given: Json, where: Path) -> EC2:
    """Return a provider of its own; SDK clients, which cost 0.3 s of CPU each, are shared by those of one endpoint."""
    made = EC2(given, Context(where, where, lambda: datetime.now(UTC), where))
    key = (given.get("region", ""), given.get("endpoint_url", ""))
    made._cloud._clients = _CLIENTS.setdefault(key, {})
    return made


def machine(name: str, given: Json, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": "t3.small", "image": AMI, "options": given}
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, names: Iterable[str], **others: Any) -> Wanted:
    own = things.take(others, things.OF_MACHINES)
    return things.wanted((machine(name, given, **own) for name in names), given, labels(), **others)


def requests(
    given: Json, names: Sequence[str], inputs: Json | None = None, *, payload: str = "{}", **others: Any
) -> list[Request]:
    """Return requests for machines as the engine would send them."""
    own = things.take(others, things.OF_BODIES)
    return [
        things.request("ec2", labels(n), machine(n, given, **own).body(), payload, inputs=inputs or {}, **others)
        for n in names
    ]
