from __future__ import annotations

import itertools
import uuid
from dataclasses import replace

import pytest

from provision_qemu.accelerator import arguments
from provision_qemu.command import Machine, command

MACHINE = Machine("core-1", str(uuid.UUID(int=7)), "token", "lab", 2, 768)
PORTS = {"ssh": 40022, "etcd": 42379}


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(words))


def test_the_whole_command_of_a_disk_image():
    assert command(MACHINE, "tcg", PORTS) == [
        *("qemu-system-x86_64", "-name", "core-1", "-uuid", MACHINE.uuid, "-machine", "pc,graphics=off"),
        *("-accel", "tcg,tb-size=256", "-cpu", "Nehalem", "-smp", "2", "-m", "768M", "-nodefaults"),
        *("-display", "none", "-daemonize", "-pidfile", "qemu.pid", "-D", "qemu.log"),
        *("-qmp", "unix:qmp.sock,server=on,wait=off"),
        *("-chardev", "file,id=serial,path=serial.log,append=on", "-serial", "chardev:serial"),
        *("-device", "virtio-rng-pci,addr=0x6"),
        *("-drive", "if=none,id=disk,file=disk.qcow2,format=qcow2,discard=unmap,cache=writeback"),
        *("-device", "virtio-blk-pci,drive=disk,addr=0x5,bootindex=1"),
        *("-fw_cfg", "name=opt/com.coreos/config,file=config.ign"),
        "-netdev",
        "user,id=n0,ipv6=off,hostname=core-1,hostfwd=tcp:127.0.0.1:40022-:22,hostfwd=tcp:127.0.0.1:42379-:2379",
        *("-device", "virtio-net-pci,netdev=n0,mac=52:54:00:c2:6d:f9,addr=0x3,romfile="),
        *("-netdev", "socket,id=n1,mcast=239.194.155.138:18081,localaddr=127.0.0.1"),
        *("-device", "virtio-net-pci,netdev=n1,mac=52:54:01:c2:6d:f9,addr=0x4,romfile="),
    ]


def test_a_kernel_is_loaded_with_its_command_line():
    words = command(replace(MACHINE, kernel=True, initrd=True, append="console=ttyS0 a=b"), "tcg", PORTS)
    assert {("-kernel", "kernel"), ("-initrd", "initrd"), ("-append", "console=ttyS0 a=b")} <= set(pairs(words))


@pytest.mark.parametrize(
    ("os", "names"),
    [
        ("flatcar", ["opt/com.coreos/config", "opt/org.flatcar-linux/config"]),
        ("fcos", ["opt/com.coreos/config"]),
        ("lab", ["opt/com.coreos/config"]),
    ],
)
def test_the_config_has_the_names_that_the_system_reads(os, names):
    words = command(replace(MACHINE, os=os), "kvm", PORTS)
    given = [value for flag, value in pairs(words) if flag == "-fw_cfg"]
    assert given == [f"name={name},file=config.ign" for name in names]


def test_without_a_config_none_is_given():
    assert "-fw_cfg" not in command(replace(MACHINE, config=False), "kvm", PORTS)


def test_no_file_is_named_by_its_whole_path():
    machine = replace(MACHINE, kernel=True, initrd=True)
    assert not [word for word in command(machine, "tcg", PORTS) if word.startswith("/") or "=/" in word]


def test_accelerators():
    assert arguments("kvm") == ["-accel", "kvm", "-cpu", "host"]
    assert arguments("tcg") == ["-accel", "tcg,tb-size=256", "-cpu", "Nehalem"]


def test_uuids_tell_machines_apart():
    assert len({replace(MACHINE, **change).uuid for change in ({}, {"name": "b"}, {"token": "u"})}) == 3
