"""What version 1 of the additions gives each system on each sort of platform, to the byte of each file and unit.

The recipes' meaning is compared, with contents as text: two builds of zlib pack the same file into different bytes.
A released version never changes: these files move only when a new version is made. Write them anew with
``PROVISION_WRITE_GOLDEN=1 pytest tests/golden/recipes``, and read the difference.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision import registry
from provision.errors import ProviderMissing
from provision.firstboot.compile import compile_cluster
from provision.spec.model import Etcd, Flannel, Runtime, Update
from tests.unit.firstboot.clusters import TRAITS, butane, cluster, pool

if TYPE_CHECKING:
    from provision.provider import Traits

HERE = Path(__file__).parent
SYSTEMS = ("lab", "flatcar", "fcos", "container-linux", "debian")
ROLES = ("voter", "worker")
CASES = [(system, provider, role) for system in SYSTEMS for provider in TRAITS for role in ROLES]
CONTAINERS = [(system, role) for system in SYSTEMS if system != "lab" for role in ROLES]
RUNTIME = Runtime(mirrors=("https://mirror.example.com",), insecure_registries=("registry.example.com:5000",))
SIZED: dict[str, Any] = {"log_driver": "json-file", "log_max_size": "10m", "log_max_files": 3, "live_restore": True}
ENGINES = {
    "flatcar": replace(RUNTIME, engine="containerd", storage_driver="overlayfs"),
    "container-linux": replace(RUNTIME, storage_driver="overlay2", **SIZED),
    "fcos": replace(RUNTIME, log_driver="k8s-file", log_max_size="10m"),
    "debian": replace(RUNTIME, **SIZED),
}


@pytest.mark.parametrize(("system", "provider", "role"), CASES)
def test_golden(system: str, provider: str, role: str) -> None:
    text = rendered(system, provider, role, TRAITS[provider])
    compare(text, f"v1-{system}-{provider}-{role}.json")


def rendered(system: str, provider: str, role: str, traits: Traits, **more: Any) -> str:
    legacy = system in ("container-linux", "debian")  # which read no Ignition 3: their workers have no node config
    fleet = (("role", "web"), ("rack", "r/1")) if more and system == "container-linux" else ()
    machines = (
        *pool(3, "core", os=system, provider=provider, etcd=True),
        *pool(1, "worker", 10, os=system, provider=provider, config=None if legacy else butane(), fleet=fleet),
    )
    updates = system not in ("lab", "debian")
    settings: dict[str, Any] = {
        "etcd": Etcd(bootstrap="auto", tls=traits.planned_addresses),
        "update": Update("reboot" if updates else "off", "sun 04:00", "2h"),
    }
    wanted = cluster(*machines, **{**settings, **more})
    roomy = replace(traits, payload_limit=0)  # EC2 has no room for a voter with TLS in formats that cannot be packed
    found = compile_cluster(wanted, traits={provider: roomy}, additions_version=1)
    assert found.report.ok, found.report.render()
    recipe = found.recipes["demo-core-1" if role == "voter" else "demo-worker-1"]
    return json.dumps(recipe.meaning, indent=1, sort_keys=True) + "\n"


def compare(text: str, name: str) -> None:
    path = HERE / name
    if os.environ.get("PROVISION_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{name}: a released version of the additions must not change"


@pytest.mark.parametrize("system", SYSTEMS)
def test_keys_that_are_fetched(system: str) -> None:
    """On a platform that assigns addresses: they stand in no file, and the certificate comes when they are known."""
    more = {"etcd": Etcd(tls=True, fetched=True)}
    compare(rendered(system, "openstack", "voter", TRAITS["openstack"], **more), f"v1-{system}-fetched-voter.json")


@pytest.mark.parametrize(("system", "role"), CONTAINERS)
def test_runtime_flannel_and_fleet(system: str, role: str) -> None:
    flannel = Flannel("10.1.0.0/16") if system in ("flatcar", "container-linux") else None
    more = {"runtime": ENGINES[system], "flannel": flannel, "etcd": Etcd(bootstrap="static")}
    compare(rendered(system, "qemu", role, TRAITS["qemu"], **more), f"v1-{system}-containers-{role}.json")


def shape(traits: Traits) -> tuple[bool, bool]:
    """All that the additions look at, but for the interface's name."""
    return traits.planned_addresses, bool(traits.private_interface)


@pytest.mark.parametrize("provider", sorted(registry.available()))
def test_every_platform_gets_what_the_golden_files_show(provider: str) -> None:
    """Platforms differ in their channels; what is added differs by how addresses come about, and by nothing else."""
    try:
        traits = registry.load(provider).traits
    except ProviderMissing as missing:
        pytest.skip(str(missing))
    like = {shape(of): name for name, of in TRAITS.items()}[shape(traits)]
    # Where addresses are assigned, voters find each other through a service that the operator says how to reach.
    traits = replace(traits, host_address=traits.host_address or TRAITS[like].host_address)
    for system, role in ((s, r) for s in SYSTEMS for r in ROLES):
        text = rendered(system, provider, role, traits)
        shown = (HERE / f"v1-{system}-{like}-{role}.json").read_text()
        assert text == shown.replace(TRAITS["qemu"].private_interface, traits.private_interface)


def test_every_golden_file_is_compared() -> None:
    plain = {f"v1-{s}-{p}-{r}.json" for s, p, r in CASES}
    containers = {f"v1-{s}-containers-{r}.json" for s, r in CONTAINERS}
    fetched = {f"v1-{s}-fetched-voter.json" for s in SYSTEMS}
    assert {p.name for p in HERE.glob("*.json")} == plain | containers | fetched
