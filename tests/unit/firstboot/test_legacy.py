"""Clusters whose node configs are in the formats of the past, compiled to what a machine reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provision.firstboot.cloudconfig.validator import validate
from provision.firstboot.compile import compile_cluster
from provision.firstboot.formats import CLOUD_CONFIG, CLOUD_INIT
from provision.firstboot.ignition2 import load
from provision.firstboot.payload import fit
from provision.firstboot.recipe import bind, describe
from provision.spec.model import NodeConfig
from tests.unit.firstboot.clusters import EC2, MATERIALS, TRAITS, cluster, pool

CLC = """\
update: {group: stable}
etcd:
  version: 3.4.36
  name: "{HOSTNAME}"
  listen_peer_urls: "http://{PRIVATE_IPV4}:2380"
storage:
  files:
    - {path: /etc/motd, mode: 0644, contents: {inline: hello}}
"""
CLOUD = """\
#cloud-config
hostname: mine
coreos:
  update:
    reboot-strategy: "off"
  units:
    - {name: app.service, command: start, content: "[Service]\\nExecStart=/bin/true"}
"""
IGNITION_2 = json.dumps({"ignition": {"version": "2.1.0"}, "systemd": {"units": [{"name": "app.service"}]}})


def made(format_: str, text: str, os: str, provider: str = "qemu", **changes: Any) -> Any:
    config = NodeConfig(format_, text, f"a.{format_}", Path())
    machines = pool(2, config=config, os=os, provider=provider, **changes)
    return compile_cluster(cluster(*machines), traits=TRAITS, additions_version=1)


def bound(compiled: Any) -> tuple[str, str]:
    """Return the first machine's config as it is sent, and its format."""
    assert compiled.report.errors == [], compiled.report.render()
    recipe = next(iter(compiled.recipes.values()))
    return bind(recipe, {name: MATERIALS[slot.kind] for name, slot in recipe.slots.items()}), recipe.spec_version


def codes(compiled: Any) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.span)) for finding in compiled.report]


@pytest.mark.parametrize(
    ("provider", "name", "address"),
    [
        ("qemu", "demo-core-1", "10.0.0.11"),
        ("ec2", "${COREOS_EC2_HOSTNAME}", "${COREOS_EC2_IPV4_LOCAL}"),
    ],
)
def test_a_container_linux_config(provider: str, name: str, address: str) -> None:
    compiled = made("container-linux", CLC, "container-linux", provider)
    text, spec = bound(compiled)
    found, report = load(text, "a.ign")
    assert spec == "2.3.0"
    assert report.ok
    assert found is not None
    machine = next(iter(compiled.recipes))
    units = {unit["name"]: unit for unit in found["systemd"]["units"]}
    assert "provision-deadline.timer" in units
    etcd = [unit for unit in found["systemd"]["units"] if unit["name"] == "etcd-member.service"][-1]
    contents = etcd["dropins"][0]["contents"]
    assert f'--name="{name.replace("demo-core-1", machine)}"' in contents
    assert address in contents or provider == "qemu"
    assert "(~provision" not in text
    assert "/etc/motd" in [file["path"] for file in found["storage"]["files"]]


def test_dynamic_data_that_nobody_knows() -> None:
    compiled = made("container-linux", 'etcd: {name: "{PUBLIC_IPV4}"}', "container-linux")
    assert [code for code, _ in codes(compiled)] == ["PV837"]


def test_ignition_2() -> None:
    text, spec = bound(made("ignition", IGNITION_2, "container-linux"))
    assert spec == "2.3.0"
    assert [unit["name"] for unit in json.loads(text)["systemd"]["units"]][-1] == "app.service"
    assert [code for code, _ in codes(made("ignition", IGNITION_2, "lab"))] == ["PV415"]


def test_a_system_without_ignition_3_and_without_a_node_config() -> None:
    compiled = compile_cluster(cluster(*pool(1, os="container-linux")), traits=TRAITS, additions_version=1)
    assert bound(compiled)[1] == "2.3.0"


def test_a_cloud_config_for_coreos_cloudinit() -> None:
    compiled = made("cloud-config", CLOUD, "container-linux")
    text, format_ = bound(compiled)
    assert format_ == CLOUD_CONFIG
    assert codes(compiled) == [("PV854", "a.cloud-config:5:5")]
    assert validate(text) == []
    found = yaml.safe_load(text)
    assert found["hostname"] == "mine"
    assert found["coreos"]["update"] == {"reboot_strategy": "off"}
    assert [unit["name"] for unit in found["coreos"]["units"]][-1] == "app.service"
    assert MATERIALS[next(iter(compiled.recipes.values())).slots["deadline"].kind] in text


def test_a_cloud_config_for_cloud_init() -> None:
    text, format_ = bound(made("cloud-config", "#cloud-config\nhostname: mine\npackages: [etcd-server]\n", "debian"))
    assert format_ == CLOUD_INIT
    assert text.startswith("Content-Type: multipart/mixed;")
    assert "packages: [etcd-server]" in text
    assert "hostname: demo" not in text
    alone = compile_cluster(cluster(*pool(1, os="debian")), traits=TRAITS, additions_version=1)
    assert bound(alone)[0].startswith("#cloud-config\nhostname: ")
    assert describe(next(iter(alone.recipes.values()))).startswith("#cloud-config\n")


@pytest.mark.parametrize(
    ("format_", "text", "place"),
    [
        ("container-linux", "systemd:\n  units:\n    - name: provision-a.service\n", "a.container-linux:3:13"),
        ("cloud-config", "#cloud-config\ncoreos: {units: [{name: provision-a.service}]}\n", "a.cloud-config:2:25"),
        ("cloud-config", "#cloud-config\nwrite_files: [{path: /etc/provision/a}]\n", "a.cloud-config:2:22"),
        ("ignition", IGNITION_2.replace("app.service", "provision-a.service"), "a.ignition:1:67"),
    ],
)
def test_reserved_names(format_: str, text: str, place: str) -> None:
    assert codes(made(format_, text, "container-linux")) == [("PV409", place)]


def test_markers_of_ours_in_the_users_text() -> None:
    for marker in ("(~provision.machine.name~)", "(~provision.slot.nonce~)"):
        config = f'systemd: {{units: [{{name: a.service, contents: "[Unit]\\nA={marker}"}}]}}'
        assert [code for code, _ in codes(made("container-linux", config, "container-linux"))] == ["PV404"]


def test_what_cannot_be_made_smaller_is_refused() -> None:
    large = "#cloud-config\nwrite_files: [{path: /a, content: " + "x" * 20_000 + "}]\n"
    assert "PV407" in [code for code, _ in codes(made("cloud-config", large, "container-linux", "ec2"))]
    text, format_ = bound(made("cloud-config", CLOUD, "container-linux"))
    assert fit(text, format_, EC2) == text
