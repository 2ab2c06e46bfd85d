"""One strict EC2 for each test process, and what tests do with it."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision.model import MACHINE, Labels, MachineWanted, Observed, Owner, Request, Wanted, creation_token
from provision.provider import Context
from provision_ec2 import EC2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provision.model import Json
    from provision.provider import Outcome

ROOT = Path(__file__).parents[3]
REGION = "us-east-1"
UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
AMI, ARM_AMI, OTHER_AMI = "ami-0f1a7ca500000001", "ami-0f1a7ca500000002", "ami-0deb1a00000000001"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqQY9XQ1PMqBoLYcZBOlGUsMYCfR3TnQ3ZRnWRmwHeV you@example.com"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass(frozen=True)
class Strict:
    """The control side of the strict EC2."""

    url: str

    def ask(self, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/strict/{path}", data=data)) as answer:
            return json.loads(answer.read())

    def reset(self) -> None:
        self.ask("reset", {})

    def faults(self, *faults: Json, seed: int = 0) -> None:
        """Set the faults that strike from now on; none heals."""
        self.ask("faults", {"faults": list(faults), "seed": seed})

    def calls(self) -> list[Json]:
        return self.ask("calls")  # type: ignore[no-any-return]

    def counts(self) -> Counter[str]:
        return Counter(call["action"] for call in self.calls())

    def world(self) -> dict[str, list[str]]:
        """Return what exists, past the API, without kinds of which there is nothing."""
        return {kind: ids for kind, ids in self.ask("world").items() if ids}

    def client(self, service: str = "ec2") -> Any:
        """Return a naive boto3 client, with the SDK's defaults but for retries."""
        return _client(self.url, service)


def new_client(url: str, service: str) -> Any:
    import boto3
    from botocore.config import Config

    session: Any = boto3.Session("AKIDEXAMPLE", "secret", region_name=REGION)
    return session.client(service, endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


_client = functools.cache(new_client)


@functools.cache
def start() -> Strict:
    """Start the server of this process; it ends when its standard input does, however this process ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.emulated.ec2.server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def stop() -> None:
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
        child.wait(timeout=20)

    atexit.register(stop)
    return Strict(f"http://127.0.0.1:{int(child.stdout.readline())}")


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Strict:
    """An empty strict EC2."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server = start()
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


def labels(name: str = "", generation: int = 1, **others: Any) -> Labels:
    about = Labels("demo", UID, name, generation, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
    return replace(about, **others)


OWNER = Owner("demo", UID)


def machine(name: str, given: Json, **others: Any) -> MachineWanted:
    values: Json = {"pool": "web", "os": "flatcar", "size": "t3.small", "image": AMI, "options": given}
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, names: Iterable[str], **others: Any) -> Wanted:
    fields = {"address", "zones", "size", "image", "payload_size", "ignition"}
    own = {key: others.pop(key) for key in list(others) if key in fields}
    return Wanted(
        cluster="demo",
        uid=UID,
        labels=labels(),
        machines=tuple(machine(name, given, **own) for name in names),
        options=given,
        **{"ssh_keys": (KEY,), "ssh_from": ("203.0.113.0/24",), "subnet": "10.99.0.0/24", **others},
    )


def requests(
    given: Json, names: Sequence[str], inputs: Json | None = None, *, payload: str = "{}", zone: str = "", **others: Any
) -> list[Request]:
    """Return requests for machines as the engine would send them."""
    body_only = {key: others.pop(key) for key in list(others) if key in ("address", "image", "size")}
    return [
        Request(
            kind=MACHINE,
            name=name,
            provider="ec2",
            labels=labels(name),
            token=creation_token(UID, name, 1, zone),
            body=machine(name, given, **body_only).body(),
            payload=payload,
            inputs=inputs or {},
            zone=zone,
            **others,
        )
        for name in names
    ]


def make_parts(cloud: EC2, parts: Sequence[Request]) -> dict[str, dict[str, str]]:
    """Make parts in order, handing on their outputs; return these."""
    made: dict[str, dict[str, str]] = {}
    for part in parts:
        [outcome] = cloud.create([replace(part, inputs={name: made[name] for name in part.needs})])
        if outcome.error:
            raise outcome.error
        assert outcome.observed is not None
        made[part.name] = dict(outcome.observed.outputs)
    return made


def good(outcomes: Iterable[Outcome]) -> list[Observed]:
    """Return what was made, and fail on any error."""
    done = list(outcomes)
    for outcome in done:
        if outcome.error:
            raise outcome.error
    return [outcome.observed for outcome in done if outcome.observed]


def clear(cloud: EC2) -> None:
    """Remove everything of the cluster, in the order in which the engine would."""
    for kind in (MACHINE, *reversed(cloud.traits.kinds)):
        good(cloud.delete([o for o in cloud.list(OWNER) if o.kind == kind]))


def listed(cloud: EC2) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of all that the cluster has."""
    yield from ((o.kind, o.name) for o in cloud.list(OWNER))
