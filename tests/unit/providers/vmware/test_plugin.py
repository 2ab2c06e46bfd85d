"""What holds for the plugin as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import provision_vmware
from provision.provider import HasConsole, HasImport, HasPower, Provider
from provision_vmware.settings import CONNECTION, Addresses, Settings
from tests.unit.providers.imports import beyond

from .kit import machine, provider, wanted

HOME = Path(provision_vmware.__file__).parent
SCHEMA = json.loads((HOME / provision_vmware.VMware.options_schema).read_text())


@pytest.mark.parametrize("file", sorted(HOME.rglob("*.py")), ids=lambda f: str(f.relative_to(HOME)))
def test_only_sdk_imports_the_sdk_and_only_the_contract_is_ours(file: Path) -> None:
    assert beyond(file, "pyVmomi", "pyVim") == []


def test_neither_import_nor_construction_loads_the_sdk(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib; from provision_vmware import VMware; from provision.provider import Context;"
        "p = pathlib.Path('.'); VMware({'server': 'v'}, Context(p, p, datetime.datetime.now, p));"
        "print(sorted({'pyVmomi', 'httpx', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    cloud = provider({"server": "v"}, tmp_path)
    for protocol in (Provider, HasConsole, HasPower, HasImport):
        assert isinstance(cloud, protocol)
    assert cloud.traits.access == CONNECTION


def test_addresses_are_planned_where_the_options_say_so(tmp_path: Path) -> None:
    assert not provider({"server": "v"}, tmp_path).traits.planned_addresses
    static = provider({"server": "v", "addresses": {"gateway": "10.0.0.1/24"}}, tmp_path).traits
    assert (static.planned_addresses, static.no_dhcp) == (True, True)


def test_how_the_server_is_reached_is_no_part_of_a_machine() -> None:
    body = machine("core-1", {"server": "v", "pin": "x", "network": "n"}).body(provision_vmware.VMware.traits.access)
    assert body["options"] == {"network": "n"}


def test_parts(tmp_path: Path) -> None:
    voters = [machine(f"core-{n}", etcd=True) for n in range(3)]
    cloud = provider({"server": "v"}, tmp_path)
    folder, rule = cloud.parts(wanted(*voters, machine("web-1")))
    assert folder.body == {"name": "demo.7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"}
    assert (rule.kind, rule.body["members"]) == ("anti-affinity", ["core-0", "core-1", "core-2"])
    assert rule.body["after_machines"]
    assert rule.needs == ("vmware.folder", "core-0", "core-1", "core-2")
    assert [p.kind for p in cloud.parts(wanted(voters[0]))] == ["folder"]
    assert [p.kind for p in provider({"server": "v", "anti_affinity": False}, tmp_path).parts(wanted(*voters))] == [
        "folder"
    ]
    assert list(provider({"server": "v", "esxi": True}, tmp_path).parts(wanted(*voters))) == []


@pytest.mark.parametrize(
    "options",
    [
        {"server": "vcenter.example.com"},
        {"server": "10.0.0.1:8443", "pin": ":".join(["Ab"] * 32), "esxi": True},
        {"server": "v", "pin": "ab" * 32, "datastore_cluster": "pod", "addresses": {"gateway": "10.0.0.1/24"}},
    ],
)
def test_good_options_pass(options: dict[str, object]) -> None:
    jsonschema.validate(options, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"server": "https://vcenter.example.com"},
        {"server": "v", "pin": "ab" * 20},
        {"server": "v", "pin": "ab" * 32, "ca_file": "ca.pem"},
        {"server": "v", "password": "secret"},
        {"server": "v", "insecure": True},
        {"server": "v", "datastore": "a", "datastore_cluster": "b"},
        {"server": "v", "addresses": {"gateway": "10.0.0.1"}},
        {"server": "v", "addresses": {"dns": ["10.0.0.1"]}},
        {"server": "v", "folder": "a/b"},
    ],
)
def test_bad_options_do_not(options: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_one_and_settings_read_all_of_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    full = {
        "server": "s:8443", "ca_file": "c", "pin": "p", "esxi": True, "datacenter": "d", "folder": "f",
        "resource_pool": "r", "datastore": "t", "datastore_cluster": "u", "network": "n", "image": "i",
        "linked_clone": True, "hardware_version": 19, "guest_id": "g", "console": False, "anti_affinity": False,
        "addresses": {"gateway": "10.0.0.1/24", "dns": ["10.0.0.2"], "interface": "eth0"},
    }  # fmt: skip
    assert full.keys() == SCHEMA["properties"].keys()
    found = Settings.read(full)
    assert found == Settings(
        "s:8443", "c", "p", True, "d", "f", "r", "t", "u", "n", "i", True, 19, "g", False, False,
        Addresses("10.0.0.1/24", ("10.0.0.2",), "eth0"),
    )  # fmt: skip
    assert (found.host, found.port, Settings(server="v").port) == ("s", 8443, 443)
