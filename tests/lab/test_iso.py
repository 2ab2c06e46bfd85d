"""ISOs that machines boot from, by BIOS and UEFI: with a config inside, and asking the boot service.

The power is a person's: `up` says what to switch on, the test does so, and `up` hears of each machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provision_qemu.labos import media
from tests.lab.bench import BOOT, Operator, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.vm, pytest.mark.long, pytest.mark.timeout(1500)]

FIRMWARE = Path("/usr/share/OVMF")
GUESTS_VIEW = "10.0.2.2"
"""This computer's loopback, as QEMU's user-mode network shows it to guests."""

SPEC = """version: 1
cluster: disc
owner: lab@example.org
ttl: 2h
os: lab
ssh: {{key_files: [id.pub]}}
providers:
  pxe:
    image: {image}
    args: [console=ttyS0]
    store: {store}
    inventory: {inventory}
pools:
  box: {{count: 4, options: {{machines: [iso-bios, iso-uefi, ask-bios, ask-uefi]}}}}
"""
MACHINES = {name: f"52:54:00:98:01:{n:02x}" for n, name in enumerate(("iso-bios", "iso-uefi", "ask-bios", "ask-uefi"))}


@dataclass
class Person:
    """Who walks to the machines, with a disc in hand."""

    directory: Path

    @contextmanager
    def switches_on(self, machine: str, disc: Path) -> Iterator[None]:
        """Let a machine run for the length of the context."""
        command = [
            *("qemu-system-x86_64", "-accel", "tcg,tb-size=256", "-cpu", "Nehalem", "-m", "768"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-device", "virtio-rng-pci"),
            *("-serial", f"file:{machine}.console", "-cdrom", str(disc), "-netdev", "user,id=net"),
            *("-device", f"virtio-net-pci,netdev=net,mac={MACHINES[machine]},romfile="),  # its card boots nothing
            *self._firmware(machine),
        ]
        process = subprocess.Popen(command, cwd=self.directory, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def reads(self, machine: str) -> str:
        file = self.directory / f"{machine}.console"
        return file.read_text(errors="replace") if file.exists() else ""

    def _firmware(self, machine: str) -> list[str]:
        if machine.endswith("bios"):
            return ["-machine", "pc,graphics=off"]
        variables = self.directory / f"{machine}.vars"
        shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", variables)
        code = f"if=pflash,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.fd"
        return ["-machine", "pc", "-drive", code, "-drive", f"if=pflash,format=raw,file={variables}"]


@contextmanager
def serving(operator: Operator, port: int) -> Iterator[None]:
    """Run the boot service for the length of the context."""
    url = f"http://{GUESTS_VIEW}:{port}"
    process = operator.start("serve", "--data", "store", "--port", str(port), "--url", url, "--no-nginx")
    try:
        assert process.stdout
        assert process.stdout.readline().strip()
        yield
    finally:
        process.terminate()
        print(process.communicate(timeout=60))


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_discs_boot_machines_that_report(tmp_path):
    operator, person = Operator(tmp_path), Person(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "id"], check=True)
    inventory = json.dumps({name: {"mac": mac} for name, mac in MACHINES.items()})
    spec = SPEC.format(image=media.build(), store=tmp_path / "store", inventory=inventory)
    (tmp_path / "cluster.yaml").write_text(spec)
    with serving(operator, free_port()):
        claimed = operator.run("up", "--no-wait", "--timeout", "1")  # nobody is at the machines yet
        assert "switch on iso-bios now" in claimed.err
        made = operator.run("iso", "--data", "store", "-m", "disc-box-1", "-o", "first.iso")
        again = operator.run("iso", "--data", "store", "-m", "iso-bios", "-o", "again.iso")
        assert (made.code, again.code, made.out) == (0, 0, "first.iso\n"), made.err
        first = tmp_path / "first.iso"
        assert first.read_bytes() == (tmp_path / "again.iso").read_bytes()
        assert first.stat().st_mode & 0o777 == 0o600
        assert operator.run("iso", "--data", "store", "-m", "disc-box-2", "-o", "second.iso").code == 0
        assert operator.run("iso", "--data", "store", "-o", "boot.iso").code == 0
        assert operator.run("iso", "--data", "store", "-m", "disc-box-9").code == 1

        up = operator.start("up", "--timeout", str(BOOT))
        with (
            person.switches_on("iso-bios", first),
            person.switches_on("ask-bios", tmp_path / "boot.iso"),
        ):
            until(lambda: all(is_up(operator, name) for name in ("iso-bios", "ask-bios")), BOOT)
        with (
            person.switches_on("iso-uefi", tmp_path / "second.iso"),
            person.switches_on("ask-uefi", tmp_path / "boot.iso"),
        ):
            until(lambda: up.poll() is not None, BOOT)
        out, err = up.communicate(timeout=60)
        print(out, err, *(person.reads(name)[-1500:] for name in MACHINES), sep="\n")
        assert up.returncode == 0, err
        assert "disc-box-4 reports its first boot: every unit is up" in err
        for name in ("iso-bios", "iso-uefi"):
            assert "provision-lab: config from /config.ign" in person.reads(name)
        assert "host=disc-box-1 failed=none" in person.reads("iso-bios")
        assert "ignition fetch done" in person.reads("ask-uefi")
        down = operator.run("down", "--yes")
        assert down.code == 0
        assert "switch off ask-uefi" in down.err


def is_up(operator: Operator, hardware: str) -> bool:
    from provision.netboot.entry import State
    from provision.netboot.store import BootStore

    return BootStore(operator.directory / "store").progress(hardware).state is State.UP
