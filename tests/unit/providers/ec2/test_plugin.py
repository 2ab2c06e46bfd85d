"""What holds for the plugin as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import provision_ec2
from provision.provider import HasConsole, HasImages, Provider
from provision_ec2.settings import RootVolume, Settings
from tests.emulated.ec2 import lab
from tests.unit.providers.imports import beyond

HOME = Path(provision_ec2.__file__).parent
SCHEMA = json.loads((HOME / provision_ec2.EC2.options_schema).read_text())


@pytest.mark.parametrize("file", sorted(HOME.rglob("*.py")), ids=lambda f: str(f.relative_to(HOME)))
def test_only_sdk_imports_the_sdk_and_only_the_contract_is_ours(file: Path) -> None:
    assert beyond(file, "boto3", "botocore") == []


def test_addresses_are_planned_where_the_network_is_ours_or_the_spec_says_so(tmp_path: Path) -> None:
    vpc = {"id": "vpc-00000001", "subnets": ["subnet-00000001"]}

    def planned(**options: object) -> bool:
        return lab.provider({"region": "us-east-1", **options}, tmp_path).traits.planned_addresses

    assert planned()
    assert planned(vpc={})
    assert not planned(vpc=vpc)
    assert planned(vpc={**vpc, "planned_addresses": True})
    assert provision_ec2.EC2.traits.planned_addresses


def test_neither_import_nor_construction_loads_the_sdk(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib; from provision_ec2 import EC2; from provision.provider import Context;"
        "p = pathlib.Path('.'); EC2({'region': 'us-east-1'}, Context(p, p, datetime.datetime.now, p));"
        "print(sorted({'boto3', 'botocore', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    cloud = lab.provider({"region": "us-east-1"}, tmp_path)
    assert isinstance(cloud, Provider)
    assert isinstance(cloud, HasConsole)
    assert isinstance(cloud, HasImages)


@pytest.mark.parametrize(
    "options",
    [
        {"region": "eu-central-1"},
        {"region": "us-gov-west-1", "image": "fcos-stable-arm64", "vpc": {}},
        {
            "region": "us-east-1",
            "image": "ami-0123456789abcdef0",
            "vpc": {"id": "vpc-0123456789abcdef0", "subnets": ["subnet-0123456789abcdef0"]},
            "root_volume": {"type": "gp3", "size_gib": 20, "encrypted": True},
            "spot": True,
        },
    ],
)
def test_good_options_pass(options: dict[str, object]) -> None:
    jsonschema.validate(options, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"region": "Frankfurt"},
        {"region": "eu-central-1", "image": "ubuntu"},
        {"region": "eu-central-1", "vpc": {"subnets": ["subnet-00000001"]}},
        {"region": "eu-central-1", "vpc": {"id": "vpc-00000001"}},
        {"region": "eu-central-1", "root_volume": {"size": 20}},
        {"region": "eu-central-1", "zone": "eu-central-1a"},
    ],
)
def test_bad_options_do_not(options: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_one_and_settings_read_all_of_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    full = {
        "region": "r", "profile": "p", "endpoint_url": "u", "image": "i", "image_sources": {"fcos": "f"},
        "vpc": {"id": "v", "subnets": ["s"], "security_groups": ["g"], "planned_addresses": False},
        "key_name": "k", "instance_profile": "n",
        "root_volume": {"device": "/dev/sda1", "type": "gp3", "size_gib": 9, "encrypted": True}, "spot": True,
        "associate_public_ip": False,
    }  # fmt: skip
    assert full.keys() == SCHEMA["properties"].keys()
    assert Settings.read(full) == Settings(
        "r", "p", "u", "i", {"fcos": "f"}, "v", ("s",), ("g",), False, "k", "n",
        RootVolume("/dev/sda1", "gp3", 9, encrypted=True), spot=True, associate_public_ip=False,
    )  # fmt: skip
