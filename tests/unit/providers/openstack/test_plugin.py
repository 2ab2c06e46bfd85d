"""The plugin's outside: what it imports and when, its options, its parts, its reading of states."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import provision_openstack
from provision.model import Labels, MachineWanted, State, Wanted
from provision.provider import Context, HasConsole, HasImages, HasPower, Provider
from provision_openstack import OpenStack, machines, observe, parts, sdk
from provision_openstack.settings import ServerGroup, Settings, Volume
from tests.unit.providers.imports import beyond

HOME = Path(provision_openstack.__file__).parent
SCHEMA = json.loads((HOME / "options.schema.json").read_text())
UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
LABELS = Labels("demo", UID, "", 1, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")


def provider(where: Path, **options: Any) -> OpenStack:
    return OpenStack(options, Context(where, where, lambda: datetime.now(UTC), where))


@pytest.mark.parametrize("file", sorted(HOME.rglob("*.py")), ids=lambda f: str(f.relative_to(HOME)))
def test_only_sdk_imports_the_sdk_and_only_the_contract_is_ours(file: Path) -> None:
    assert beyond(file, "openstack", "keystoneauth1", "requests") == []


def test_making_a_provider_imports_no_sdk_and_does_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from provision.provider import Context; from provision_openstack import OpenStack\n"
        "p = Path('.'); OpenStack({'cloud': 'nobody'}, Context(p, p, lambda: datetime.now(UTC), p))\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('openstack', 'keystoneauth1', 'requests', 'httpx')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    cloud = provider(tmp_path)
    assert all(isinstance(cloud, protocol) for protocol in (Provider, HasConsole, HasImages, HasPower))
    assert cloud.traits.planned_addresses
    assert not provider(tmp_path, network={"name": "shared"}).traits.planned_addresses
    assert provider(tmp_path, network={"name": "shared", "planned_addresses": True}).traits.planned_addresses


@pytest.mark.parametrize(
    "options", [{}, {"cloud": "c", "network": {}}, {"volume": {"size_gib": 9}}, {"server_group": {"name": "a"}}]
)
def test_good_options_pass(options: dict[str, object]) -> None:
    jsonschema.validate(options, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "options",
    [
        {"zone": "nova"}, {"network": {"planned_addresses": True}}, {"volume": {}}, {"volume": {"size_gib": 0}},
        {"server_group": {"name": "a", "policy": "affinity"}}, {"server_group": {"name": "A"}},
        {"nameservers": ["dns.example.com"]}, {"image": ""},
    ],
)  # fmt: skip
def test_bad_options_do_not(options: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_one_and_settings_read_all_of_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    full = {
        "cloud": "c", "region": "r", "image": "i", "upload_images": True, "image_sources": {"fcos": "f"},
        "network": {"name": "n"}, "router": False, "external_network": "x", "nameservers": ["192.0.2.1"],
        "security_groups": ["g"], "key_name": "k", "floating_ip": True, "config_drive": False,
        "server_group": {"name": "s"}, "volume": {"size_gib": 9, "type": "t"},
    }  # fmt: skip
    assert full.keys() == SCHEMA["properties"].keys()
    assert Settings.read(full) == Settings(
        "c", "r", "i", True, {"fcos": "f"}, "n", False, False, "x", ("192.0.2.1",), ("g",), "k", True, False,
        ServerGroup("s"), Volume(9, "t"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "floating"),
    [({}, True), ({"router": False}, False), ({"network": {"name": "n"}}, False), ({"floating_ip": False}, False)],
)
def test_floating_addresses_are_for_networks_of_ones_own(options: dict[str, Any], floating: bool) -> None:
    assert Settings.read(options).floating_ip is floating


def test_parts_in_their_order(tmp_path: Path) -> None:
    image = "https://example.com/a.img#sha256=" + "0" * 64
    options = {"server_group": {"name": "etcd"}}
    machine = MachineWanted("demo-core-1", "core", "flatcar", "m1", image, options)
    wanted = Wanted("demo", UID, LABELS, (machine,), ssh_keys=("ssh-ed25519 A",), subnet="10.0.0.0/24")
    made = list(provider(tmp_path).parts(wanted))
    assert [part.name for part in made] == [
        "openstack.image.000000000000", "openstack.key-pair", "openstack.server-group.etcd", "openstack.network",
        "openstack.subnet", "openstack.router", "openstack.security-group", "openstack.floating-ip.demo-core-1",
    ]  # fmt: skip
    seen: set[str] = {"demo-core-1"}
    for part in made:
        assert set(part.needs) <= seen
        seen.add(part.name)
    assert made[4].body["pool"] == ["10.0.0.128", "10.0.0.254"]
    shared = provider(tmp_path, network={"name": "n"}, security_groups=["g"], key_name="k")
    plain = replace(wanted, machines=(replace(machine, image="x", options={"network": {"name": "n"}}),))
    assert list(shared.parts(plain)) == []


@pytest.mark.parametrize(
    ("status", "task", "state"),
    [
        ("ACTIVE", None, State.RUNNING),
        ("ACTIVE", "rebooting_hard", State.PENDING),  # it stays ACTIVE all through a hard reboot
        ("ACTIVE", "deleting", State.DELETING),
        ("BUILD", "spawning", State.PENDING),
        ("SHUTOFF", None, State.STOPPED),
        ("SHUTOFF", "powering-on", State.PENDING),
        ("ERROR", None, State.FAILED),
        ("ERROR", "deleting", State.DELETING),
        ("SOMETHING_NEW", None, State.UNKNOWN),
    ],
)
def test_states_are_status_and_task_together(status: str, task: str | None, state: State) -> None:
    assert observe.state({"status": status, "OS-EXT-STS:task_state": task}) is state


def test_addresses_of_a_providers_network_are_public() -> None:
    def seen(*entries: tuple[str, str]) -> dict[str, str]:
        listed = [{"version": 4, "addr": a, "OS-EXT-IPS:type": kind} for a, kind in entries]
        return dict(observe.machine({"id": "i", "status": "ACTIVE", "addresses": {"net": listed}}).addresses)

    assert seen(("10.0.0.5", "fixed"), ("8.8.8.8", "floating")) == {"private": "10.0.0.5", "public": "8.8.8.8"}
    assert seen(("8.8.4.4", "fixed")) == {"private": "8.8.4.4", "public": "8.8.4.4"}
    assert seen(("10.0.0.5", "fixed")) == {"private": "10.0.0.5"}


@pytest.mark.parametrize(("text", "id_"), [(UID, True), (UID.replace("-", ""), True), ("cirros", False), ("", False)])
def test_ids_are_told_from_names(text: str, id_: bool) -> None:
    assert machines.is_id(text) is id_


def test_a_calls_name_holds_no_ids() -> None:
    assert sdk._action("POST", f"/servers/{UID}/action?x=y") == "POST /servers/*/action"
    assert parts.image_part("https://e/a#sha256=" + "f" * 64) == "openstack.image.ffffffffffff"
