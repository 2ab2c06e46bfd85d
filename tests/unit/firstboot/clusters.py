"""Clusters, traits and materials for tests of first-boot configs."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.firstboot.slots import Kind
from provision.provider import Traits
from provision.spec.model import Budget, Cluster, Etcd, Machine, NodeConfig, Secret, Update

if TYPE_CHECKING:
    from provision.firstboot.recipe import Recipe

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f someone@example.com"
PLANNED = Traits(platform="qemu", planned_addresses=True, private_interface="pci-0000:00:04.0")
ASSIGNED = Traits(platform="openstack", encoding="base64", payload_limit=65_535, host_address="10.0.2.2")
EC2 = Traits(platform="aws", planned_addresses=True, payload_limit=16_384)
TRAITS = {"qemu": PLANNED, "openstack": ASSIGNED, "ec2": EC2}

BUTANE = """\
variant: fcos
version: 1.4.0
storage:
  files:
    - path: /etc/motd
      contents:
        inline: hello
systemd:
  units:
    - name: app.service
      enabled: true
      contents: |
        [Service]
        ExecStart=/bin/true
        [Install]
        WantedBy=multi-user.target
"""

PEM = "-----BEGIN {0}-----\nMIIBszCCAVmgAwIBAgIUQ+/x=\nAAA=\n-----END {0}-----\n"
MATERIALS = {
    Kind.BOOTSTRAP: "ETCD_DISCOVERY=http://10.0.2.2:2381/abc%20def\nETCD_DISCOVERY_FALLBACK=exit",
    Kind.DEADLINE: "2031-01-02T03:04:05Z",
    Kind.NONCE: "0123456789abcdef0123456789abcdef",
    Kind.URL: "http://10.0.2.2:2382/phone-home/0123",
    Kind.ENDPOINTS: "http://10.99.0.11:2379,http://10.99.0.12:2379",
    Kind.CERTIFICATE: PEM.format("CERTIFICATE"),
    Kind.KEY: PEM.format("PRIVATE KEY"),
    Kind.SECRET: "s3cret%2Fvalue",
}


def butane(text: str = BUTANE, *, file: str = "core.bu", directory: Path = Path()) -> NodeConfig:
    return NodeConfig("butane", text, file, directory)


def machine(name: str, index: int = 1, **changes: Any) -> Machine:
    values: dict[str, Any] = {
        "pool": name.split("-")[-2] if name.count("-") > 1 else "core",
        "provider": "qemu",
        "os": "lab",
        "size": "",
        "image": "",
        "config": None,
        "template": False,
        "variables": {},
        "etcd": False,
        "address": f"10.99.{index // 250}.{index % 250 + 1}",
    }
    return Machine(name=name, index=index, **{**values, **changes})


def pool(count: int, name: str = "core", start: int = 0, **changes: Any) -> tuple[Machine, ...]:
    return tuple(machine(f"demo-{name}-{i}", start + i, **changes) for i in range(1, count + 1))


def cluster(*machines: Machine, **changes: Any) -> Cluster:
    values: dict[str, Any] = {
        "owner": "someone@example.com",
        "ttl": 3600,
        "protect": False,
        "budget": Budget(),
        "os": machines[0].os if machines else "lab",
        "ssh_keys": (KEY,),
        "ssh_from": (),
        "subnet": IPv4Network("10.99.0.0/16"),
        "etcd": Etcd(bootstrap="static") if any(m.etcd for m in machines) else None,
        "update": Update(),
        "secrets": {},
        "providers": {},
        "digest": "0" * 64,
        "file": "cluster.yaml",
        "directory": Path(),
    }
    return Cluster(name="demo", machines=tuple(machines), **{**values, **changes})


def materials(recipe: Recipe) -> dict[str, str]:
    return {slot.name: MATERIALS[slot.kind] for slot in recipe.slots.values()}


SECRETS = {"registry": Secret(env="REGISTRY", max_size=100)}
