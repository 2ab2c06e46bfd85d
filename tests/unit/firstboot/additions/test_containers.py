"""Container runtimes, flannel and fleet: what is rendered is what the engines read, and what cannot be is told."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import yaml

from provision.firstboot.additions.assemble import additions
from provision.firstboot.compile import CompiledCluster, compile_cluster
from provision.firstboot.recipe import bind
from provision.firstboot.slots import Kind, Slot, fault
from provision.spec.model import Etcd, Flannel, NodeConfig, Runtime
from tests.unit.firstboot.clusters import TRAITS, cluster, materials, pool


def files(os: str, **settings: Any) -> dict[str, str]:
    machines = pool(1, os=os)
    wanted = cluster(*machines, runtime=Runtime(**settings))
    added = additions(machines[0], wanted, TRAITS["qemu"], 1)
    return {file.path: file.text for file in added.files if "/provision" not in file.path}


def compiled(os: str, *, voters: int = 3, workers: int = 0, provider: str = "qemu", **more: Any) -> CompiledCluster:
    machines = pool(voters, os=os, provider=provider, etcd=True)
    others = pool(workers, "web", 10, os=os, provider=provider, fleet=more.pop("fleet", ()))
    settings = {"etcd": Etcd(bootstrap="static"), **more}
    return compile_cluster(cluster(*machines, *others, **settings), traits=TRAITS, additions_version=1)


def codes(found: CompiledCluster) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(f.code, f.path) for f in found.report.findings]


def test_docker_reads_one_file() -> None:
    found = files(
        "flatcar",
        mirrors=("https://a.example.com", "https://b.example.com"),
        insecure_registries=("r:5000",),
        storage_driver="overlay2",
        log_driver="local",
        log_max_size="10m",
        log_max_files=3,
        live_restore=False,
    )
    assert json.loads(found["/etc/docker/daemon.json"]) == {
        "registry-mirrors": ["https://a.example.com", "https://b.example.com"],
        "insecure-registries": ["r:5000"],
        "storage-driver": "overlay2",
        "log-driver": "local",
        "log-opts": {"max-size": "10m", "max-file": "3"},
        "live-restore": False,
    }
    assert json.loads(files("debian", live_restore=True)["/etc/docker/daemon.json"]) == {"live-restore": True}


def test_containerd_reads_a_config_and_a_file_for_each_registry() -> None:
    found = files(
        "debian",
        engine="containerd",
        mirrors=("http://m:5000",),
        insecure_registries=("r:5000",),
        storage_driver="btrfs",
    )
    config = tomllib.loads(found["/etc/containerd/config.toml"])
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["containerd"]["snapshotter"] == "btrfs"
    assert cri["registry"]["config_path"] == "/etc/containerd/certs.d"
    hub = tomllib.loads(found["/etc/containerd/certs.d/docker.io/hosts.toml"])
    assert hub == {
        "server": "https://registry-1.docker.io",
        "host": {"http://m:5000": {"capabilities": ["pull", "resolve"]}},
    }
    registry = tomllib.loads(found["/etc/containerd/certs.d/r:5000/hosts.toml"])
    assert list(registry["host"]) == ["https://r:5000", "http://r:5000"]
    assert registry["host"]["https://r:5000"]["skip_verify"] is True


def test_podman_reads_drop_ins() -> None:
    found = files(
        "fcos",
        mirrors=("http://m:5000/", "https://n"),
        insecure_registries=("r:5000",),
        log_driver="k8s-file",
        log_max_size="2g",
    )
    registries = tomllib.loads(found["/etc/containers/registries.conf.d/20-provision.conf"])["registry"]
    assert registries == [
        {
            "prefix": "docker.io",
            "location": "docker.io",
            "mirror": [{"location": "m:5000", "insecure": True}, {"location": "n"}],
        },
        {"location": "r:5000", "insecure": True},
    ]
    settings = tomllib.loads(found["/etc/containers/containers.conf.d/20-provision.conf"])
    assert settings == {"containers": {"log_driver": "k8s-file", "log_size_max": 2 << 30}}


@pytest.mark.parametrize(
    ("os", "settings", "code", "field"),
    [
        ("lab", {"live_restore": True}, "PV429", "engine"),
        ("fcos", {"engine": "docker", "live_restore": True}, "PV429", "engine"),
        ("fcos", {"live_restore": True}, "PV428", "live_restore"),
        ("flatcar", {"engine": "containerd", "log_driver": "journald"}, "PV428", "log_driver"),
        ("flatcar", {"engine": "containerd", "storage_driver": "overlay2"}, "PV428", "storage_driver"),
        ("flatcar", {"log_driver": "k8s-file"}, "PV428", "log_driver"),
        ("flatcar", {"log_driver": "journald", "log_max_size": "1m"}, "PV428", "log_max_size"),
        ("flatcar", {"log_driver": "none", "log_max_files": 2}, "PV428", "log_max_files"),
    ],
)
def test_what_an_engine_cannot_do_is_told(os: str, settings: dict[str, Any], code: str, field: str) -> None:
    assert codes(compiled(os, runtime=Runtime(**settings))) == [(code, ("runtime", field))]


NETWORK = Flannel("10.1.0.0/16")


@pytest.mark.parametrize("os", ["flatcar", "container-linux"])
def test_flannel_asks_the_members_wherever_they_will_be(os: str) -> None:
    found = compiled(os, workers=1, flannel=NETWORK)
    assert found.report.ok, found.report.render()
    worker = found.recipes["demo-web-1"]
    assert worker.slots["etcd-endpoints"].kind is Kind.ENDPOINTS
    assert "FLANNELD_ETCD_ENDPOINTS%3Dhttp" in bind(worker, materials(worker)).replace("=", "%3D")
    grown = compiled(os, voters=5, workers=1, flannel=NETWORK)
    assert grown.recipes["demo-web-1"].fingerprint == worker.fingerprint, "growing etcd moves no machine"
    voter = json.dumps(found.recipes["demo-core-1"].meaning)
    assert "set /coreos.com/network/config" in voter
    assert "ETCD_ENABLE_V2=true" in voter
    assert "set /coreos.com" not in json.dumps(worker.meaning)


def test_flannel_with_tls_uses_the_members_certificate() -> None:
    found = compiled("flatcar", flannel=NETWORK, etcd=Etcd(bootstrap="static", tls=True))
    assert found.report.ok, found.report.render()
    text = json.dumps(found.recipes["demo-core-1"].meaning)
    assert "FLANNELD_ETCD_KEYFILE=/etc/provision/tls/etcd.key" in text
    assert "--key-file /etc/provision/tls/etcd.key set /coreos.com" in text


@pytest.mark.parametrize(
    ("os", "more", "code"),
    [
        ("fcos", {}, "PV430"),
        ("flatcar", {"etcd": None, "voters": 0, "workers": 1}, "PV431"),
        ("flatcar", {"etcd": Etcd(bootstrap="static", version="3.6")}, "PV431"),
        ("flatcar", {"etcd": Etcd(bootstrap="discovery"), "provider": "openstack", "workers": 1}, "PV431"),
        ("flatcar", {"etcd": Etcd(bootstrap="static", tls=True), "workers": 1}, "PV431"),
        ("flatcar", {"flannel": Flannel("10.99.0.0/16")}, "PV431"),
        ("flatcar", {"flannel": Flannel("10.1.0.1/16")}, "PV431"),
        ("flatcar", {"flannel": Flannel("10.1.0.0/23")}, "PV431"),
    ],
)
def test_flannel_without_what_it_needs(os: str, more: dict[str, Any], code: str) -> None:
    found = compiled(os, **{"flannel": NETWORK, **more})
    assert [f.code for f in found.report.errors] == [code]


FLEET = (("role", "web"), ("rack", "r/1"))


def test_fleet_is_for_container_linux() -> None:
    assert codes(compiled("flatcar", workers=2, fleet=FLEET)) == [("PV432", ("fleet",))]
    found = compiled("container-linux", workers=1, fleet=FLEET)
    assert found.report.ok, found.report.render()
    (unit,) = (u for u in found.recipes["demo-web-1"].body["systemd"]["units"] if u["name"] == "fleet.service")
    assert unit["enabled"] is True
    assert unit["dropins"][0]["contents"] == '[Service]\nEnvironment="FLEET_METADATA=role=web,rack=r/1"\n'


@pytest.mark.parametrize(
    ("own", "metadata"),
    [("#cloud-config\n", "role=web,rack=r/1"), ("#cloud-config\ncoreos: {fleet: {metadata: a=b}}\n", "a=b")],
)
def test_fleets_metadata_in_a_cloud_config_is_the_users_where_he_has_one(own: str, metadata: str) -> None:
    config = NodeConfig("cloud-config", own, "a.yaml", cluster().directory)
    machines = [replace(m, config=config, fleet=FLEET) for m in pool(1, os="container-linux")]
    found = compile_cluster(cluster(*machines), traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    recipe = found.recipes["demo-core-1"]
    coreos = yaml.safe_load(bind(recipe, materials(recipe)))["coreos"]
    assert coreos["fleet"]["metadata"] == metadata
    assert {"name": "fleet.service", "command": "start"} in coreos["units"]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("http://10.0.0.1:2379", True),
        ("http://a:1,https://b:2", True),
        ("", False),
        ("http://a b", False),
        ("a", False),
    ],
)
def test_endpoints_cannot_break_out_of_their_line(text: str, good: bool) -> None:
    assert (fault(Slot("etcd-endpoints", Kind.ENDPOINTS, 512), text) is None) is good
