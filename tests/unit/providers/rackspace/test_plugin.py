"""The plugin's outside: what it imports and when, its options, its parts, its reading of states and credentials."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import provision_rackspace
from provision.errors import Kind, ProviderError
from provision.model import Labels, State, Wanted
from provision.provider import Context, HasImages, HasSdk, Provider
from provision_rackspace import Rackspace, account, errors, labels, limits, observe, sdk
from provision_rackspace.settings import Settings

HOME = Path(provision_rackspace.__file__).parent
SCHEMA = json.loads((HOME / "options.schema.json").read_text())
CONTRACT = {f"provision.{m}" for m in ("provider", "model", "errors", "diagnostics")}
UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
LABELS = Labels("demo", UID, "", 1, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")


def provider(where: Path, **options: Any) -> Rackspace:
    return Rackspace(options, Context(where, where, lambda: datetime.now(UTC), where))


@pytest.mark.parametrize("file", sorted(HOME.rglob("*.py")), ids=lambda f: str(f.relative_to(HOME)))
def test_only_sdk_imports_the_sdk_and_only_the_contract_is_ours(file: Path) -> None:
    names = [n.module or "" for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)]
    for name in names:
        assert name.split(".")[0] not in ("pyrax", "novaclient", "requests") or file.name == "sdk.py", name
        assert not name.startswith("provision.") or name in CONTRACT or name.startswith("provision.providing"), name


def test_making_a_provider_imports_no_sdk_and_does_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from provision.provider import Context; from provision_rackspace import Rackspace\n"
        "p = Path('.'); Rackspace({'region': 'DFW'}, Context(p, p, lambda: datetime.now(UTC), p))\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('pyrax', 'novaclient', 'requests')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_importing_pyrax_warns_and_prints_nothing(tmp_path: Path) -> None:
    code = "import warnings; from provision_rackspace import sdk; sdk.load(); warnings.warn('heard')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1  # the filter ended with the import
    assert "UserWarning: heard" in done.stderr


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    cloud = provider(tmp_path)
    assert all(isinstance(cloud, protocol) for protocol in (Provider, HasImages, HasSdk))
    assert not cloud.traits.planned_addresses
    assert not cloud.traits.power_off_deletes


def test_the_schema_is_one_and_settings_read_all_of_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    full = {
        "region": "DFW", "auth_url": "https://e", "credentials": "c", "image": "i", "network": {"name": "n"},
        "public": False, "servicenet": False, "key_name": "k",
    }  # fmt: skip
    assert full.keys() == SCHEMA["properties"].keys()
    jsonschema.validate(full, SCHEMA)
    assert Settings.read(full) == Settings("DFW", "https://e", "c", "i", "n", False, False, "k")


@pytest.mark.parametrize(
    "options", [{"region": "dfw"}, {"config_drive": True}, {"network": {"id": "x"}}, {"image": ""}]
)
def test_bad_options_do_not_pass(options: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, SCHEMA)


def test_parts(tmp_path: Path) -> None:
    wanted = Wanted("demo", UID, LABELS, (), ssh_keys=("ssh-ed25519 A",), subnet="10.0.0.0/24")
    made = [(part.name, part.body) for part in provider(tmp_path).parts(wanted)]
    assert made == [
        ("rackspace.key-pair", {"public_key": "ssh-ed25519 A"}),
        (f"rackspace.network.{UID}", {"cidr": "10.0.0.0/24"}),
    ]


@pytest.mark.parametrize(
    ("item", "state"),
    [
        ({"status": "ACTIVE"}, State.RUNNING),
        ({"status": "ACTIVE", "OS-EXT-STS:task_state": "deleting"}, State.DELETING),
        ({"status": "ERROR"}, State.FAILED),
        ({"status": "SHUTOFF"}, State.STOPPED),
        ({"status": "SOMETHING_NEW"}, State.UNKNOWN),
        ({}, State.UNKNOWN),
    ],
)
def test_states(item: dict[str, str], state: State) -> None:
    assert observe.state(item) is state


def test_addresses_of_a_cloud_network_go_before_servicenets() -> None:
    def seen(**networks: str) -> dict[str, str]:
        listed = {name: [{"version": 6, "addr": "::1"}, {"version": 4, "addr": a}] for name, a in networks.items()}
        return dict(observe.machine({"id": "i", "addresses": listed}, "DFW").addresses)

    assert seen(private="10.1.1.1", mine="192.168.0.2", public="198.51.100.1") == {
        "private": "192.168.0.2",
        "public": "198.51.100.1",
    }
    assert seen(private="10.1.1.1") == {"private": "10.1.1.1"}


def test_labels_come_back_as_they_went() -> None:
    marks = labels.metadata(LABELS, "token", protected=True)
    assert labels.read(marks) == LABELS
    assert len(marks) <= 10
    assert labels.read({**marks, "provision:generation": "many"}) is None
    assert labels.named(labels.name(LABELS.whose)) == ("demo", UID)
    assert labels.named("provision-demo-1") is None


@pytest.mark.parametrize(
    ("status", "message", "mutates", "kind"),
    [
        (413, "This request was rate-limited.", True, Kind.THROTTLED),
        (413, "Quota exceeded for ram: Requested 2048", True, Kind.QUOTA),
        (403, "Quota exceeded for cores", True, Kind.QUOTA),
        (403, "Policy doesn't allow compute:create", True, Kind.AUTH),
        (403, "Network 1 is in use: it has active ports.", True, Kind.CONFLICT),
        (409, "Key pair 'a' already exists.", True, Kind.ALREADY_EXISTS),
        (409, "Cannot 'delete' while instance is in task_state spawning", True, Kind.CONFLICT),
        (404, "Instance could not be found", True, Kind.NOT_FOUND),
        (400, "Invalid key_name provided.", True, Kind.INVALID),
        (502, "", True, Kind.AMBIGUOUS),
        (502, "", False, Kind.UNAVAILABLE),
        (500, "No valid host was found.", True, Kind.CAPACITY),
    ],
)
def test_refusals(status: int, message: str, mutates: bool, kind: Kind) -> None:
    assert errors.refused("POST /servers", mutates, status, message).kind is kind


def test_limits_without_a_limit_and_rates_of_other_calls() -> None:
    assert list(limits.absolute({"maxTotalInstances": -1, "totalInstancesUsed": 5}, 100, 1, 1, 1)) == []
    limit = [{"verb": "POST", "remaining": 0, "value": 1, "unit": "MINUTE"}]
    assert list(limits.rate([{"uri": "*/os-networksv2", "regex": "^/os-networksv2", "limit": limit}], 5)) == []
    assert len(list(limits.rate([{"uri": "*", "regex": ".*", "limit": limit}], 5))) == 1


def test_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAX_USERNAME", "RAX_API_KEY", "RAX_CREDS_FILE", "RAX_REGION", "CLOUD_AUTH_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ProviderError, match="there are no credentials"):
        account.find(Settings(), tmp_path)
    (tmp_path / ".rackspace_cloud_credentials").write_text("[rackspace_cloud]\nusername = me\napi_key = 50%s\n")
    assert account.find(Settings(), tmp_path) == ("me", "50%s", account.AUTH_URL, "")
    (tmp_path / "bad").write_text("[rackspace_cloud]\nusername = me\nsecret\n")
    with pytest.raises(ProviderError, match="ParsingError") as caught:
        account.find(Settings(credentials="bad"), tmp_path)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("RAX_USERNAME", "other")
    monkeypatch.setenv("RAX_API_KEY", "key")
    assert account.find(Settings(region="LON", auth_url="https://e"), tmp_path) == ("other", "key", "https://e", "LON")


def test_the_catalogue_names_the_region_and_not_the_first_generation() -> None:
    points = [{"region": "DFW", "publicURL": "https://dfw/v2/1"}, {"region": "ORD", "publicURL": "https://ord/v2/1/"}]
    catalogue = [
        {"type": "compute", "name": "cloudServers", "endpoints": [{"publicURL": "https://servers/v1.0/1"}]},
        {"type": "compute", "name": "cloudServersOpenStack", "endpoints": points},
        {"type": "volume", "endpoints": [{"region": "IAD", "publicURL": "https://cbs"}]},
    ]
    assert sdk._endpoint(catalogue, "ORD") == "https://ord/v2/1"
    with pytest.raises(ProviderError) as caught:
        sdk._endpoint(catalogue, "IAD")
    assert caught.value.hint == "write `region:`, one of DFW, ORD"


def test_a_calls_name_holds_no_ids() -> None:
    assert sdk.action("POST", f"/servers/{UID}/metadata") == "POST /servers/*/metadata"
    assert sdk.action("GET", "/servers/detail") == "GET /servers/detail"
    assert sdk.action("DELETE", f"/os-networksv2/{UID}") == "DELETE /os-networksv2/*"
