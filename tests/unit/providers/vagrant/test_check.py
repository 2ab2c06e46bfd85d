"""The preflight: all that is missing, in one go."""

from __future__ import annotations

import json
import socket
from ipaddress import IPv4Network

import pytest

from provision.diagnostics import Severity
from provision_vagrant import access, installed, networks, runner
from tests.unit.providers.vagrant.kit import kit as started

NO_ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


@pytest.fixture(autouse=True)
def quiet_host(tmp_path, monkeypatch):
    """A computer without networks of its own, on which QEMU runs as we do."""
    routes = tmp_path / "routes"
    routes.write_text(NO_ROUTES)
    real = networks.taken
    monkeypatch.setattr(networks, "taken", lambda hypervisor: real(hypervisor, routes))
    monkeypatch.setattr(access, "qemu_user", lambda: None)
    return routes


def found(kit, *machines, **more):
    report = kit.vagrant.check(kit.wanted(*machines, **more))
    return {(f.code, f.message) for f in report.findings if f.severity is Severity.ERROR}


def codes(kit, *machines, **more):
    return {code for code, _ in found(kit, *machines, **more)}


def test_a_good_cluster_has_none(kit):
    assert kit.vagrant.check(kit.wanted()).findings == []


def test_everything_at_once(kit):
    (kit.home / "version.json").write_text(json.dumps("1.9.0"))
    (kit.home / "plugins.json").write_text("[]")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = [{"guest": 80, "host": taken.getsockname()[1]}]
        wrong = kit.machine(
            "core-0",
            size={"cpus": 0},
            image="nowhere",
            address="10.0.0.1",
            options={"ports": ports, "ssh": {"private_key": "no"}},
        )
        other = kit.machine("core-1", pool="old", options={"box": "tiny", "hypervisor": "vmware"})
        assert codes(kit, wrong, other) == {f"PV{n}" for n in range(575, 583)}


def test_no_vagrant(kit, monkeypatch):
    monkeypatch.setenv("PATH", str(kit.root))
    assert ("PV575", "vagrant is not installed") in found(kit)


def test_a_vagrant_that_hangs(kit, monkeypatch):
    monkeypatch.setattr(installed, "QUICK", 2.0)
    monkeypatch.setattr(runner, "GRACE", ((runner.signal.SIGKILL, 0.0),))
    kit.faults(box={"hang": True})
    assert ("PV575", "`vagrant box` did not end within 2 s, and was stopped") in found(kit)


def test_a_vagrant_that_fails(kit):
    kit.faults(plugin={"class": "Vagrant::Errors::PluginLoadError", "words": "ruby is broken"})
    ((code, message),) = found(kit)
    assert (code, "ruby is broken" in message) == ("PV575", True)


@pytest.mark.parametrize(
    ("image", "options", "good"),
    [
        ("tiny", {}, True),
        ("tiny@0", {}, True),
        ("tiny@>= 0", {}, True),
        ("tiny@2", {}, False),
        ("", {}, False),
        ("other", {}, False),
        ("owner/other", {}, True),
        ("", {"box": {"name": "new", "url": "https://example.com/x.box"}}, True),
        ("", {"box": {"name": "new", "url": "x.box"}}, False),
        ("", {"box": {"name": "new", "url": "here.box"}}, True),
    ],
)
def test_boxes(kit, image, options, good):
    (kit.root / "here.box").touch()
    assert codes(kit, kit.machine(image=image, options=options)) == (set() if good else {"PV577"})


def test_a_box_for_another_hypervisor_is_named(kit):
    kit.boxes({"name": "tiny", "provider": "virtualbox", "version": "7"})
    ((code, message),) = found(kit)
    assert (code, message) == ("PV577", "there is no box tiny for libvirt here; there is tiny 7 (virtualbox)")


@pytest.mark.parametrize("subnet", ["192.168.121.0/24", "192.168.0.0/16", "172.16.5.0/24"])
def test_networks_that_are_taken(kit, quiet_host, subnet):
    # 172.16.0.0/16 by a card of this computer.
    quiet_host.write_text(NO_ROUTES + "eth7\t000010AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n")
    address = subnet.replace("0/24", "9").replace("0/16", "9")
    ((code, message),) = found(kit, kit.machine(address=address), subnet=subnet)
    assert code == "PV579"
    assert f"{subnet} overlaps" in message


@pytest.mark.parametrize("address", ["10.99.1.10", "10.99.0.0", "10.99.0.1", "10.99.0.255"])
def test_addresses_that_are_no_machines(kit, address):
    assert codes(kit, kit.machine(address=address)) == {"PV579"}


def test_the_networks_of_virtualbox(tmp_path):
    file = tmp_path / "networks.conf"
    assert networks.allowed_by_virtualbox(IPv4Network("192.168.58.0/24"), file)
    assert not networks.allowed_by_virtualbox(IPv4Network("10.99.0.0/24"), file)
    file.write_text("# ours\n* 10.0.0.0/8 192.168.33.0/24\n* 2001::/64\n")
    assert networks.allowed_by_virtualbox(IPv4Network("10.99.0.0/24"), file)
    assert not networks.allowed_by_virtualbox(IPv4Network("192.168.58.0/24"), file)


def test_other_hypervisors(tmp_path, monkeypatch):
    with started(tmp_path, monkeypatch, hypervisor="virtualbox") as kit:
        kit.boxes({"name": "tiny", "provider": "virtualbox", "version": "0"})
        assert found(kit) == {
            ("PV576", "VBoxManage is not here: is virtualbox installed?"),
            ("PV579", "VirtualBox allows no host-only network 10.99.0.0/24"),
        }


def test_a_port_for_two(kit):
    options = {"box": "tiny", "ports": [{"guest": 80, "host": 18080}]}
    pair = [kit.machine(f"core-{n}", options=options, address=f"10.99.0.{10 + n}") for n in range(2)]
    assert {m for c, m in found(kit, *pair) if c == "PV580"} == {
        "port 18080 of this computer would lead to core-0 and core-1"
    }


def test_a_path_that_qemu_cannot_take(tmp_path, monkeypatch):
    folder = tmp_path / "a,b"
    folder.mkdir()
    with started(folder, monkeypatch) as kit:
        assert codes(kit) == {"PV581"}


def test_libvirt_that_does_not_run(kit, monkeypatch):
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///system")
    monkeypatch.setattr(installed, "SOCKETS", (str(kit.root / "none"),))
    assert codes(kit) == {"PV576"}
