"""What holds for the plugin as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import provision_gce
from provision.provider import HasConsole, HasImages, HasPower, Provider
from provision_gce.settings import BootDisk, ServiceAccount, Settings
from tests.emulated.gce import lab
from tests.unit.providers.imports import beyond

HOME = Path(provision_gce.__file__).parent
SCHEMA = json.loads((HOME / provision_gce.GCE.options_schema).read_text())
KNOWING = {"sdk.py", "storage.py"}
"""Files that may import Google's libraries."""


@pytest.mark.parametrize("file", sorted(HOME.rglob("*.py")), ids=lambda f: str(f.relative_to(HOME)))
def test_only_sdk_imports_the_sdk_and_only_the_contract_is_ours(file: Path) -> None:
    assert beyond(file, "google", knowing=KNOWING) == []


SNEAKY = "print(sorted({'google', 'httpx', 'requests'} & set(sys.modules)))"


def test_neither_import_nor_construction_nor_parts_load_the_sdk(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib; from provision_gce import GCE; from provision.provider import Context;"
        "from provision.model import Wanted, Labels; p = pathlib.Path('.');"
        "c = GCE({'project': 'demo-project', 'region': 'us-central1'}, Context(p, p, datetime.datetime.now, p));"
        "w = Wanted('c', '7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b', Labels('c', 'u', '', 1, 'o', 'never', 's'), ());"
        f"assert c.parts(w); {SNEAKY}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["validate", "compile", "--help"])
def test_commands_that_do_not_talk_to_gce_do_not_load_the_sdk(tmp_path: Path, command: str) -> None:
    example = Path(__file__).parents[4] / "examples" / "gce-flatcar" / "cluster.yaml"
    arguments = [command] if command == "--help" else [command, str(example)]
    code = (
        "import sys; from provision.cli.main import run;"
        f"code = run({arguments!r}); print();"
        "print(code, sorted({'google.api_core', 'google.cloud', 'google.auth', 'requests'} & set(sys.modules)))"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "REGISTRY_AUTH": "x"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    cloud = lab.provider(lab.options(), tmp_path)
    for kind in (Provider, HasConsole, HasImages, HasPower):
        assert isinstance(cloud, kind)


def test_addresses_are_planned_where_the_network_is_ours_or_the_spec_says_so(tmp_path: Path) -> None:
    network = {"name": "n", "subnetwork": "s"}

    def planned(**options: object) -> bool:
        return lab.provider({**lab.options(), **options}, tmp_path).traits.planned_addresses

    assert planned()
    assert planned(network={})
    assert not planned(network=network)
    assert planned(network={**network, "planned_addresses": True})


BASE = {"project": "demo-project", "region": "europe-west1"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"image": "fcos-stable-arm64", "network": {}},
        {"image": "projects/p-1/global/images/family/golden"},
        {"network": {"name": "projects/host/global/networks/n", "subnetwork": "s", "tags": ["web"]}},
        {"boot_disk": {"type": "pd-ssd", "size_gib": 20}, "spot": True, "extendable_hours": 24},
        {"service_account": {"email": "default", "scopes": ["https://www.googleapis.com/auth/devstorage.read_only"]}},
        {"project": "example.com:demo-project"},
    ],
)
def test_good_options_pass(options: dict[str, object]) -> None:
    jsonschema.validate({**BASE, **options}, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "options",
    [
        {"project": ""},
        {"region": "Frankfurt"},
        {"region": "europe-west1-b"},
        {"image": "ubuntu"},
        {"network": {"name": "n"}},
        {"network": {"subnetwork": "s"}},
        {"network": {"tags": ["web"]}},
        {"boot_disk": {"size": 20}},
        {"service_account": {"scopes": ["https://www.googleapis.com/auth/compute"]}},
        {"zone": "europe-west1-b"},
    ],
)
def test_bad_options_do_not(options: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**BASE, **options}, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_one_and_settings_read_all_of_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    full = {
        "project": "p", "region": "r", "endpoint_url": "u", "image": "i", "image_sources": {"fcos": "f"},
        "network": {"name": "n", "subnetwork": "s", "tags": ["t"], "planned_addresses": False},
        "service_account": {"email": "e", "scopes": ["c"]}, "boot_disk": {"type": "pd-ssd", "size_gib": 9},
        "spot": True, "associate_public_ip": False, "extendable_hours": 3, "restart_to_extend": True,
    }  # fmt: skip
    assert full.keys() == SCHEMA["properties"].keys()
    assert Settings.read(full) == Settings(
        "p", "r", "u", "i", {"fcos": "f"}, "n", "s", ("t",), False, ServiceAccount("e", ("c",)),
        BootDisk("pd-ssd", 9), spot=True, associate_public_ip=False, extendable_hours=3,
        restart_to_extend=True,
    )  # fmt: skip
