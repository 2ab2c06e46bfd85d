"""What the plugin says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources

import pytest

from provision_vagrant import SPECIAL, Vagrant
from provision_vagrant.settings import Box
from provision_vagrant.size import Size, parse
from provision_vagrant.vagrantfile import HYPERVISORS, PLUGINS


def test_importing_it_loads_no_work():
    ours = "[m for m in sys.modules if m.startswith(('vagrant', 'provision_vagrant.'))]"
    code = f"import sys, provision_vagrant; print({ours})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("hypervisor", "platform", "limit", "encoding"),
    [
        ("libvirt", "qemu", 0, "plain"),
        ("virtualbox", "virtualbox", 0, "plain"),
        ("vmware", "vmware", 65536, "gzip+base64"),
    ],
)
def test_the_hypervisor_decides_how_a_config_travels(kit, hypervisor, platform, limit, encoding):
    traits = Vagrant({"hypervisor": hypervisor}, kit.context).traits
    assert (traits.platform, traits.payload_limit, traits.encoding) == (platform, limit, encoding)
    assert traits.private_interface.startswith("pci-0000:")


def test_every_hypervisor_is_known_everywhere():
    schema = json.loads((resources.files("provision_vagrant") / Vagrant.options_schema).read_text())
    assert set(schema["properties"]["hypervisor"]["enum"]) == set(SPECIAL) == set(HYPERVISORS) == set(PLUGINS)


@pytest.mark.parametrize(
    ("image", "options", "box"),
    [
        ("", {"box": "a"}, Box("a")),
        ("", {"box": "a@1.2"}, Box("a", "1.2")),
        ("b@2", {"box": "a@1"}, Box("b", "2")),
        ("", {"box": {"name": "a", "version": "1", "url": "u"}}, Box("a", "1", "u")),
        ("a@2", {"box": {"name": "a", "version": "1", "url": "u"}}, Box("a", "2", "u")),
        ("b", {"box": {"name": "a", "url": "u"}}, Box("b")),
        ("", {}, Box()),
    ],
)
def test_boxes(image, options, box):
    assert Box.read(image, options) == box


@pytest.mark.parametrize(
    ("size", "parsed", "keys"),
    [
        ({}, Size(), []),
        ({"cpus": 2, "memory": "2GiB"}, Size(2, 2048), []),
        ("large", Size(), [""]),
        ({"cpus": True, "memory": "2G", "disk": "9GiB"}, Size(), ["disk", "cpus", "memory"]),
    ],
)
def test_sizes(size, parsed, keys):
    found, problems = parse(size)
    assert found == parsed
    assert [p.key for p in problems] == keys
