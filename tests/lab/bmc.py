"""A management controller that speaks Redfish (sushy-tools' emulator) for virtual machines on a bridge.

``python -m tests.lab.bmc CONFIG`` reads a JSON file: the port, the directory for consoles, and the machines. The driver
below is a driver as sushy-tools' own are: it answers for the systems, and the emulator speaks the protocol.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sushy_tools import error
from sushy_tools.emulator.main import Application, app
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver

from tests.lab.segment import system

FIRMWARE = Path("/usr/share/OVMF")
HTTP_ALONE = ("IPv4PXESupport", "IPv6PXESupport", "IPv6Support")
"""What OVMF is told to leave out: https://github.com/tianocore/edk2/blob/master/OvmfPkg/RUNTIME_CONFIG.md"""


@dataclass
class VM:
    """One machine, powered off at first.

    `firmware` is "bios", "uefi" or "uefi-http", which boots by HTTP and not by PXE. `rom` says that its card brings
    iPXE; without it a UEFI machine boots by its own clients. `disk` is an image that the machine may write to.
    """

    name: str
    mac: str
    tap: str
    work: Path
    firmware: str = "bios"
    rom: bool = True
    disk: str = ""
    memory: int = 768
    boot: str = "Hdd"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def uuid(self) -> str:
        return system(self.name)

    @property
    def is_on(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def on(self) -> None:
        if not self.is_on:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, cwd=self.work)
            self.boot = "Hdd"  # an override holds once

    def off(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _command(self) -> list[str]:
        first, second = (1, 2) if self.boot == "Pxe" or self.disk else (2, 1)
        rom = "" if self.rom else ",romfile="
        words = [
            *("qemu-system-x86_64", "-name", self.name, "-uuid", self.uuid),
            *("-accel", "tcg,tb-size=256", "-cpu", "Nehalem", "-m", str(self.memory)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=serial,path={self.name}.console,append=on", "-serial", "chardev:serial"),
            *("-netdev", f"tap,id=net,ifname={self.tap},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=net,mac={self.mac},bootindex={first}{rom}"),
        ]
        if self.disk:
            words += ["-drive", f"if=none,id=disk,file={self.disk},format=qcow2,cache=unsafe"]
            words += ["-device", f"virtio-blk-pci,drive=disk,bootindex={second}"]
        return [*words, *self._firmware()]

    def _firmware(self) -> list[str]:
        if self.firmware == "bios":
            return ["-machine", "pc,graphics=off"]
        variables = self.work / f"{self.name}.vars"
        if not variables.exists():
            shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", variables)
        code = f"if=pflash,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.fd"
        knobs = HTTP_ALONE if self.firmware == "uefi-http" else ()
        flags = [word for knob in knobs for word in ("-fw_cfg", f"name=opt/org.tianocore/{knob},string=n")]
        return ["-machine", "pc", *flags, "-drive", code, "-drive", f"if=pflash,format=raw,file={variables}"]


class Driver(AbstractSystemsDriver):
    """The systems of one controller."""

    def __init__(self, machines: list[VM]) -> None:
        super().__init__()
        self._machines = {machine.uuid: machine for machine in machines}
        self._names = {machine.name: machine for machine in machines}

    @property
    def driver(self) -> str:
        return "<machines on a bridge>"

    @property
    def systems(self) -> list[str]:
        return list(self._machines)

    def uuid(self, identity: str) -> str:
        return self._found(identity).uuid

    def name(self, identity: str) -> str:
        return self._found(identity).name

    def get_power_state(self, identity: str) -> str:
        return "On" if self._found(identity).is_on else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        machine = self._found(identity)
        if state in ("ForceOff", "ForceRestart"):
            machine.off()
        if state in ("On", "ForceOn", "ForceRestart"):
            machine.on()

    def get_boot_device(self, identity: str) -> str:
        return self._found(identity).boot

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        self._found(identity).boot = boot_source

    def get_boot_mode(self, identity: str) -> str:
        return "Legacy" if self._found(identity).firmware == "bios" else "UEFI"

    def _found(self, identity: str) -> VM:
        found = self._machines.get(identity) or self._names.get(identity)
        if found is None:
            raise error.NotFound(f"there is no system {identity}")
        return found


def main(path: str) -> None:
    config: dict[str, Any] = json.loads(Path(path).read_text())
    machines = [VM(**{**machine, "work": Path(config["work"])}) for machine in config["machines"]]
    driver = Driver(machines)
    Application.systems = property(lambda _: driver)  # type: ignore[assignment]
    try:
        app.run(host="127.0.0.1", port=config["port"], threaded=True)
    finally:
        for machine in machines:
            machine.off()


if __name__ == "__main__":
    main(sys.argv[1])
