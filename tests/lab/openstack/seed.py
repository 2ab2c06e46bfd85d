"""What the lab begins with: users, the catalogue, flavors, an external network, an image. Run in the services' venv.

Usage: seed.py identity|cloud CLOUDS_YAML ...
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from typing import Any

import openstack
from openstack.config import OpenStackConfig

FLAVORS = {"m1.tiny": (512, 1, 1), "m1.small": (2048, 1, 20), "m1.large": (8192, 4, 80), "m1.giant": (9_999_999, 1, 1)}
"""By name: MiB of memory, cores, GiB of disk. The last one fits nowhere."""
QUOTA = {"instances": 60, "cores": 120, "ram": 20_000_000}


def connect(path: str, name: str) -> Any:
    return openstack.connection.Connection(config=OpenStackConfig(config_files=[path]).get_one(name))


def identity(path: str, service: str, demo: str, catalogue: str) -> None:
    """Make the users and the catalogue."""
    keystone = connect(path, "lab-admin").identity

    def user(name: str, password: str, *roles: str) -> None:
        project = keystone.create_project(name=name, domain_id="default")
        made = keystone.create_user(name=name, password=password, domain_id="default")
        for role in roles:
            found = keystone.find_role(role) or keystone.create_role(name=role)
            keystone.assign_project_role_to_user(project, made, found)

    user("service", service, "admin", "service")
    user("demo", demo, "member", "reader")
    for kind, (name, url) in json.loads(catalogue).items():
        if kind != "identity":
            made = keystone.create_service(type=kind, name=name)
            for interface in ("public", "internal"):
                keystone.create_endpoint(service_id=made.id, interface=interface, url=url, region_id="RegionOne")


def cloud(path: str, manage: str, conf: str) -> None:
    """Wait for nova-compute; then make what an operator of a cloud makes."""
    admin = connect(path, "lab-admin")
    _await_compute(admin, [manage, "--config-file", conf, "cell_v2", "discover_hosts"])
    for name, (ram, vcpus, disk) in FLAVORS.items():
        admin.compute.create_flavor(name=name, ram=ram, vcpus=vcpus, disk=disk)
    public = admin.network.create_network(
        name="public", is_router_external=True, provider_network_type="flat", provider_physical_network="ext"
    )
    admin.network.create_subnet(
        network_id=public.id, name="public", ip_version=4, enable_dhcp=False, cidr="198.51.100.0/24"
    )
    demo = admin.identity.find_project("demo")
    for key, value in QUOTA.items():
        admin.compute.update_quota_set(demo.id, **{key: value})
    _image(admin)


def ready(path: str) -> None:
    """Wait until nova's three workers are up."""
    _await_compute(connect(path, "lab-admin"), [])


def _await_compute(admin: Any, discover: list[str]) -> None:
    wanted = {"nova-conductor", "nova-scheduler", "nova-compute"}
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        up = {s.binary for s in admin.compute.services() if s.state == "up"}
        if up >= wanted and list(admin.compute.hypervisors()):
            return
        if "nova-compute" in up and discover:
            subprocess.run(discover, check=True)
        time.sleep(0.5)
    sys.exit(f"nova's workers are not up: {up}")


def _image(admin: Any) -> None:
    """Upload an empty disk: glance looks inside what it is given, and it is never booted."""
    head = struct.pack(
        ">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, 16, 1 << 30, 0, 2, 3 << 16, 1 << 16, 1, 0, 0, 0, 0, 0, 4, 104
    )
    data = head + bytes((4 << 16) - len(head))
    kind = {"disk_format": "qcow2", "container_format": "bare", "visibility": "public"}
    admin.image.create_image("cirros", data=data, wait=True, **kind)


if __name__ == "__main__":
    steps: dict[str, Any] = {"identity": identity, "cloud": cloud, "ready": ready}
    steps[sys.argv[1]](*sys.argv[2:])
