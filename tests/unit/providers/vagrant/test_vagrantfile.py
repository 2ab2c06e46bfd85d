"""The Vagrantfile: one text for one cluster, for each hypervisor."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision_vagrant.settings import Box, Port, Settings
from provision_vagrant.size import Size
from provision_vagrant.vagrantfile import HYPERVISORS, Block, Cluster, render, ruby

UID = "3d0f0f0e-3f55-4a3e-8f0a-6ce3f4f0a5d1"
GOLDEN = Path(__file__).parents[3] / "golden" / "vagrant"


def cluster(hypervisor: str) -> Cluster:
    return Cluster("web", UID, "192.168.58.0/24", hypervisor)


def blocks(hypervisor: str) -> list[Block]:
    """Return one machine with everything, one with next to nothing, and one for coreos-cloudinit."""
    config = {"libvirt": "config.ign", "virtualbox": "stub.ign", "vmware": "config.gz.b64"}[hypervisor]
    whole = Settings(
        hypervisor,
        Box("example/flatcar", "3975.2.0", "https://boxes.example.com/flatcar.json"),
        (Port(2379, 12379), Port(80, 8080)),
        ssh_user="core",
        ssh_key="/keys/id",
        boot_timeout=300,
        storage_pool="fast" if hypervisor == "libvirt" else "",
    )
    plain = Settings(hypervisor, Box("flatcar"))
    return [
        Block(
            "web-core-1",
            whole,
            Size(2, 2048),
            "192.168.58.10",
            f"machines/web-core-1/{config}",
            console="machines/web-core-1/console.log",
        ),
        Block("web-worker-1", plain, Size(), "192.168.58.11"),
        Block("web-old-1", plain, Size(), "192.168.58.12", "machines/web-old-1/user-data", cloud=True),
    ]


@pytest.mark.parametrize("hypervisor", HYPERVISORS)
def test_it_is_as_it_was(hypervisor):
    text = render(cluster(hypervisor), blocks(hypervisor))
    assert text == (GOLDEN / f"{hypervisor}.Vagrantfile").read_text()


@pytest.mark.parametrize("hypervisor", HYPERVISORS)
def test_the_order_of_machines_does_not_matter(hypervisor):
    assert render(cluster(hypervisor), reversed(blocks(hypervisor))) == render(cluster(hypervisor), blocks(hypervisor))


def test_a_machine_without_record_is_named_so_that_it_can_be_ended():
    text = render(cluster("libvirt"), [], ["lost"])
    assert 'config.vm.define "lost" do |node|\n    node.vm.box = "unknown"' in text


@given(st.text(string.printable))
@settings(max_examples=150)
def test_a_text_stays_one_literal(text):
    literal = ruby(text)
    inner = literal[1:-1]
    # Nothing in it ends the literal or begins an interpolation, and reading it back gives the text.
    assert not re.search(r'(?<!\\)(\\\\)*["#]', inner)
    assert "\n" not in inner
    assert re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), inner) == text
