"""Bare metal, played by QEMU on an Ethernet segment: from power-on by Redfish to etcd, and off again.

Everything is real but the metal: dnsmasq, the firmware's PXE and HTTP clients, iPXE, PXELINUX, GRUB, Ignition, etcd and
Redfish. Needs root, for the segment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision_qemu.labos import media
from tests.lab.bench import BOOT, Operator, until
from tests.lab.segment import BRIDGE, NETWORK, Segment, segment, system

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = [
    pytest.mark.vm,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
]

BMC_PORT = 8000
"""On the loopback of a namespace of its own."""

SPEC = """version: 1
cluster: metal
owner: lab@example.org
ttl: 2h
os: lab
ssh: {{key_files: [{key}]}}
network: {{subnet: {network}}}
etcd: {{version: "3.4", bootstrap: {bootstrap}, tls: {tls}}}
providers:
  pxe:
    image: {image}
    args: [console=ttyS0]
    serve: {serve}
    power: {{kind: redfish, url: "http://127.0.0.1:{port}"}}
    inventory: {inventory}
pools:
{pools}
"""


class Site(Operator):
    """An operator whose computer is on the machines' segment, with their management controller."""

    def __init__(self, directory: Path, wire: Segment) -> None:
        super().__init__(directory)
        self.wire = wire
        self.machines: list[dict[str, Any]] = []
        self.environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def start(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.wire.command(sys.executable, "-m", "provision", *argv),
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def machine(self, name: str, **more: object) -> dict[str, Any]:
        """Put a machine on the segment; return its entry of the inventory."""
        number = len(self.machines) + 1
        mac = f"52:54:00:98:00:{number:02x}"
        self.machines.append({"name": name, "mac": mac, "tap": self.wire.tap(f"tap{number}"), **more})
        disks = ["/dev/vda"] if more.get("disk") else []
        return {"mac": mac, "address": f"10.98.0.{10 + number}", "disks": disks, "power": {"system": name}}

    def disk(self, name: str) -> str:
        file = self.directory / f"{name}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", file, "3G"], check=True)
        return str(file)

    @contextmanager
    def controller(self) -> Iterator[None]:
        """Run the management controller for the length of the context."""
        config = self.directory / "bmc.json"
        config.write_text(json.dumps({"port": BMC_PORT, "work": str(self.directory), "machines": self.machines}))
        log = (self.directory / "bmc.log").open("w")
        process = subprocess.Popen(
            self.wire.command(sys.executable, "-m", "tests.lab.bmc", config),
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            until(lambda: "Running on" in (self.directory / "bmc.log").read_text(), 60)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
            log.close()

    def write(
        self,
        inventory: dict[str, Any],
        pools: str,
        *,
        bootstrap: str = "auto",
        tls: bool = False,
        more: Sequence[str] = (),
    ) -> None:
        key = self.directory / "id"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        serve = ["--interface", BRIDGE, "--dhcp", "full", "--range", "10.98.0.100,10.98.0.150", "--port", "0", *more]
        text = SPEC.format(
            key="id.pub",
            network=NETWORK,
            bootstrap=bootstrap,
            tls=str(tls).lower(),
            image=media.build(),
            serve=json.dumps(serve),
            port=BMC_PORT,
            inventory=json.dumps(inventory),
            pools=pools,
        )
        (self.directory / "cluster.yaml").write_text(text)

    def console(self, machine: str) -> str:
        file = self.directory / f"{machine}.console"
        return file.read_text(errors="replace") if file.exists() else ""

    def on(self, machine: str) -> bool:
        """Ask the controller, past provision."""
        url = f"http://127.0.0.1:{BMC_PORT}/redfish/v1/Systems/{system(machine)}"
        told = subprocess.run(self.wire.command("curl", "-sf", url), capture_output=True, text=True, check=True)
        return bool(json.loads(told.stdout)["PowerState"] == "On")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with segment() as wire:
        operator = Site(tmp_path, wire)
        try:
            yield operator
        finally:
            for machine in operator.machines:
                print(f"--- {machine['name']}\n{operator.console(machine['name'])[-1500:]}")
            log = operator.data / "netboot" / "serve.log"
            print(log.read_text() if log.exists() else "no boot service")


def states(site: Site) -> dict[str, tuple[str, str]]:
    return {m["name"]: (m["state"], m["detail"]) for m in site.status()["machines"]}


def test_three_kinds_of_firmware_become_a_cluster_and_go_off_again(site):
    """BIOS with iPXE in its card, UEFI by PXE, UEFI by HTTP; etcd over TLS, formed through our own discovery."""
    inventory = {
        "bios": site.machine("bios"),
        "uefi": site.machine("uefi", firmware="uefi", rom=False),
        "http": site.machine("http", firmware="uefi-http", rom=False),
    }
    pools = "  core: {count: 3, etcd: true, options: {machines: [bios, uefi, http]}}"
    site.write(inventory, pools, bootstrap="{discovery: private}", tls=True)
    with site.controller():
        began = time.monotonic()
        up = site.up()
        print(f"up took {time.monotonic() - began:.0f} s")
        assert up.code == 0, up.err
        assert "bios: loading" in up.err
        assert "etcd is healthy" in up.err
        shown = site.run("status")
        assert shown.code == 0, shown.out + shown.err
        assert "certificates: the first to end" in shown.out
        assert states(site) == {f"metal-core-{n}": ("running", f"{m}: up") for n, m in enumerate(inventory, 1)}
        assert [site.on(name) for name in inventory] == [True] * 3
        assert "iPXE" in site.console("bios")
        assert "Start PXE over IPv4" in site.console("uefi")
        assert "Start HTTP Boot over IPv4" in site.console("http")
        assert site.run("up", "--no-wait").code == 0  # nothing to do, and nobody is switched
        assert site.run("down", "--yes").code == 0
        assert [site.on(name) for name in inventory] == [False] * 3
        assert json.loads(site.run("list", "--json").out)["clusters"] == []
        assert not (site.data / "netboot" / "started.json").exists()


@pytest.mark.long
def test_a_machine_installs_once_and_boots_from_its_disk_ever_after(site):
    """PXELINUX and GRUB, without iPXE: one machine installs itself by PXELINUX, one lives in memory by GRUB."""
    inventory = {
        "disk": site.machine("disk", disk=site.disk("disk")),
        "grub": site.machine("grub", firmware="uefi", rom=False, memory=896),
    }
    pools = (
        "  core: {count: 1, etcd: true, options: {machines: [disk], mode: install}}\n"
        "  worker: {count: 1, options: {machines: [grub]}}"
    )
    site.write(inventory, pools, more=["--native"])
    with site.controller():
        up = site.up()
        assert up.code == 0, up.err
        assert "disk: installing" in up.err
        assert states(site)["metal-core-1"] == ("running", "disk: up")
        console = site.console("disk")
        assert "provision-lab: installed to /dev/vda" in console
        assert "config from /boot/ignition/config.ign" in console
        assert "PXELINUX" in console
        assert "GRUB" in site.console("grub")

        ready = console.count("provision-lab: ready")
        site.run("ssh", "-i", "id", "--cluster", "cluster.yaml", "metal-core-1", "--", "sudo", "systemctl", "reboot")
        until(lambda: site.console("disk").count("provision-lab: ready") > ready, BOOT)
        assert "ignition ran before" in site.console("disk")
        assert site.console("disk").count("provision-lab: installed") == 1
        until(lambda: site.run("status").code == 0, 120)
        assert site.run("down", "--yes").code == 0
        assert not site.on("disk")
