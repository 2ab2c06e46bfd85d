"""What the preflight says of a spec without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from provision_vmware.checking import spec
from provision_vmware.checking.view import View
from provision_vmware.settings import Settings
from provision_vmware.size import Size, parse

from .kit import machine, provider, wanted

if TYPE_CHECKING:
    from pathlib import Path

    from provision_vmware.cloud import Cloud

STATIC = {"addresses": {"gateway": "10.99.0.1/24"}}


def codes(where: Path, *machines: Any, options: dict[str, Any] | None = None, **others: Any) -> list[str]:
    given = {"server": "v", **(options or {})}
    cloud: Cloud = provider(given, where)._cloud
    return [f.code for f in spec.findings(View(cloud, Settings.read(given), wanted(*machines, **others)))]


def test_a_good_cluster(tmp_path: Path) -> None:
    assert codes(tmp_path, machine("core-0", address="10.99.0.10"), options=STATIC) == []


def test_what_is_wrong_is_said_once_for_a_pool(tmp_path: Path) -> None:
    assert codes(tmp_path, machine("core-0", size="huge"), machine("core-1", size="huge")) == ["PV569"]
    assert codes(tmp_path, machine("core-0", zones=("a",))) == ["PV572"]
    assert codes(tmp_path, machine("core-0", payload_size=65_537)) == ["PV572"]
    assert codes(tmp_path, machine("core-0", payload_size=65_536)) == []
    assert codes(tmp_path, machine("core-0", {"datastore": "a", "datastore_cluster": "b"})) == ["PV567"]


def test_addresses(tmp_path: Path) -> None:
    assert codes(tmp_path, machine("core-0", address="10.99.0.1"), options=STATIC) == ["PV573"]
    assert codes(tmp_path, machine("core-0"), options=STATIC, subnet="10.98.0.0/24") == ["PV573"]
    assert codes(tmp_path, machine("core-0"), options={"addresses": {"gateway": "10.99.0.300/24"}}) == ["PV573"]
    assert codes(tmp_path, machine("core-0", os="flatcar"), options=STATIC) == ["PV573"]


def test_what_a_host_cannot_do(tmp_path: Path) -> None:
    host = {"esxi": True}
    assert codes(tmp_path, machine("core-0"), options=host) == []
    assert codes(tmp_path, machine("core-0", {"linked_clone": True}), options=host) == ["PV574"]
    assert codes(tmp_path, machine("core-0", {"datastore_cluster": "p"}), options=host) == ["PV574"]
    assert codes(tmp_path, machine("a", etcd=True), machine("b", etcd=True), options=host) == ["PV574"]


@pytest.mark.parametrize(
    ("text", "size", "keys"),
    [
        ("", Size(), []),
        ({"cpus": 2, "memory": "4GiB", "disk": "20GiB"}, Size(2, 4096, 20 * 1024**3), []),
        ({"cpus": 0.5}, Size(), ["cpus"]),
        ({"cpus": True, "memory": "4", "disk": "0GiB", "gpu": 1}, Size(), ["gpu", "cpus", "memory", "disk"]),
        ({"memory": "1025MiB"}, Size(memory=1025), ["memory"]),
        ("t3.small", Size(), [""]),
    ],
)
def test_sizes(text: Any, size: Size, keys: list[str]) -> None:
    found, problems = parse(text)
    assert (found, [p.key for p in problems]) == (size, keys)
