"""QEMU's command line, as a pure function of what a machine is and how it is started."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from provision_qemu import network
from provision_qemu.accelerator import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

DISK_SLOT, RANDOM_SLOT = 0x5, 0x6
CONFIGS = {"flatcar": ("opt/com.coreos/config", "opt/org.flatcar-linux/config")}
"""Under which names Ignition finds its config in QEMU's firmware table; all others read the first alone."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as it was made; it starts again as the same.

    `memory` is in MiB. `kernel` and `initrd` tell that files of these names lie in the machine's directory.
    `disk_cache` is QEMU's cache mode, `accelerator` what was asked for.
    """

    name: str
    uid: str
    token: str
    os: str
    cpus: int
    memory: int
    kernel: bool = False
    initrd: bool = False
    append: str = ""
    config: bool = True
    disk_cache: str = "writeback"
    accelerator: str = "auto"

    def to_json(self) -> Json:
        """Return what ``Machine(**data)`` reads."""
        return asdict(self)

    @property
    def uuid(self) -> str:
        """The SMBIOS UUID, which also tells the machine's process from all others."""
        return str(uuid.uuid5(uuid.UUID(self.uid), f"{self.name}\n{self.token}"))


def command(machine: Machine, accelerator: str, ports: Mapping[str, int]) -> list[str]:
    """Return QEMU's arguments. All files are relative: QEMU is started in the machine's directory.

    So any directory will do, however long (a socket's path holds 107 characters) and whatever signs are in it. QEMU
    daemonizes itself: it comes back when every port, file and socket is open, or with the reason why not.
    """
    return [
        "qemu-system-x86_64",
        *("-name", machine.name, "-uuid", machine.uuid),
        *("-machine", "pc,graphics=off", *arguments(accelerator)),
        *("-smp", str(machine.cpus), "-m", f"{machine.memory}M"),
        *("-nodefaults", "-display", "none", "-daemonize", "-pidfile", "qemu.pid", "-D", "qemu.log"),
        *("-qmp", "unix:qmp.sock,server=on,wait=off"),
        *("-chardev", "file,id=serial,path=serial.log,append=on", "-serial", "chardev:serial"),
        *("-device", f"virtio-rng-pci,addr={RANDOM_SLOT:#x}"),
        *_disk(machine),
        *_boot(machine),
        *_config(machine),
        *_networks(machine, ports),
    ]


def _disk(machine: Machine) -> list[str]:
    drive = f"if=none,id=disk,file=disk.qcow2,format=qcow2,discard=unmap,cache={machine.disk_cache}"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive=disk,addr={DISK_SLOT:#x},bootindex=1"]


def _boot(machine: Machine) -> list[str]:
    if not machine.kernel:
        return []
    initrd = ["-initrd", "initrd"] if machine.initrd else []
    return ["-kernel", "kernel", *initrd, "-append", machine.append]


def _config(machine: Machine) -> list[str]:
    if not machine.config:
        return []
    names = CONFIGS.get(machine.os, ("opt/com.coreos/config",))
    return [word for name in names for word in ("-fw_cfg", f"name={name},file=config.ign")]


def _networks(machine: Machine, ports: Mapping[str, int]) -> list[str]:
    forwards = "".join(
        f",hostfwd=tcp:{network.LOOPBACK}:{ports[name]}-:{guest}" for name, guest in network.FORWARDED.items()
    )
    group, port = network.segment(machine.uid)
    user = f"user,id=n0,ipv6=off,hostname={machine.name}{forwards}"
    shared = f"socket,id=n1,mcast={group}:{port},localaddr={network.LOOPBACK}"
    first, second = network.first_mac(machine.uid, machine.name), network.second_mac(machine.uid, machine.name)
    return [
        *("-netdev", user, "-device", _card("n0", first, network.FIRST_SLOT)),
        *("-netdev", shared, "-device", _card("n1", second, network.SECOND_SLOT)),
    ]


def _card(netdev: str, mac: str, slot: int) -> str:
    return f"virtio-net-pci,netdev={netdev},mac={mac},addr={slot:#x},romfile="  # no network boot
