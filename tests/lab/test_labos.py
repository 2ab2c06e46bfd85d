"""The lab OS on a machine started by a bare qemu command line: the real Ignition once, then never again."""

from __future__ import annotations

import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from provision_qemu import labos

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.vm, pytest.mark.timeout(900)]

BOOT = 400.0
"""Seconds for a boot on two cores that others use too; an idle one takes 15 to 20."""

READY = r"provision-lab: ready uptime=\S+ host=(\S+) failed=(\S+)"
ETCD = """[Service]
ExecStart=
ExecStart=/usr/lib/coreos/etcd-wrapper --name=lab --data-dir=/var/lib/etcd --advertise-client-urls=http://127.0.0.1:2379
"""
HELLO = """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo hello from %H >/dev/console'
[Install]
WantedBy=multi-user.target
"""


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


class Machine:
    """One overlay disk and the boots from it; each boot has a console file of its own."""

    def __init__(self, work: Path, config: dict, extra: tuple[str, ...] = ()) -> None:
        self.work, self.extra, self.boots = work, extra, 0
        self.image = labos.image_dir()
        self.said = json.loads((self.image / "image.json").read_text())
        (work / "config.ign").write_text(json.dumps(config))
        backing = self.image / self.said["disk"]
        create = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", work / "disk.qcow2", "3G"]
        subprocess.run(create, check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @contextmanager
    def boot(self) -> Iterator[Machine]:
        self.boots += 1
        command = [
            *("qemu-system-x86_64", "-machine", "pc", "-accel", "tcg,tb-size=256", "-cpu", "Nehalem", "-m", "512"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", f"file:{self._console}"),
            *("-qmp", "unix:qmp,server=on,wait=off", "-device", "virtio-rng-pci"),
            *("-drive", "if=none,id=root,format=qcow2,file=disk.qcow2", "-device", "virtio-blk-pci,drive=root"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22", "-device", "virtio-net-pci,netdev=net"),
            *("-kernel", self.image / self.said["kernel"], "-initrd", self.image / self.said["initrd"]),
            *("-append", self.said["append"], "-fw_cfg", "name=opt/com.coreos/config,file=config.ign", *self.extra),
        ]
        self.process = subprocess.Popen(command, cwd=self.work, stdin=subprocess.DEVNULL)
        try:
            yield self
        finally:
            self.process.kill()
            self.process.wait()

    @property
    def _console(self) -> str:
        return f"console-{self.boots}"

    @property
    def console(self) -> str:
        file = self.work / self._console
        return file.read_text(errors="replace") if file.exists() else ""

    def ended(self) -> bool:
        return self.process.poll() is not None

    def ready(self) -> re.Match[str]:
        """Wait for the line that says so, and show what the boot cost."""
        until(lambda: re.search(READY, self.console) or self.ended(), BOOT, self.console[-3000:])
        found = re.search(READY, self.console)
        assert found, self.console[-3000:]
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        print(f"boot {self.boots}: {sum(map(int, ticks)) / os.sysconf('SC_CLK_TCK'):.1f} CPU seconds; {found[0]}")
        return found

    def ssh(self, key: Path, command: str) -> str:
        options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "ConnectTimeout": "60"}
        flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        order = ["ssh", "-q", "-i", key, "-p", str(self.port), *flags, "core@127.0.0.1", command]
        return subprocess.run(order, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180).stdout

    def press_power_button(self) -> None:
        with socket.socket(socket.AF_UNIX) as monitor:
            directory = os.open(self.work, os.O_RDONLY)  # a socket's path must be short
            monitor.connect(f"/proc/self/fd/{directory}/qmp")
            os.close(directory)
            for order in ("qmp_capabilities", "system_powerdown"):
                monitor.sendall(json.dumps({"execute": order}).encode())
            until(lambda: b"POWERDOWN" in monitor.recv(4096), 30, "QEMU did not press the button")


@pytest.fixture(scope="module", autouse=True)
def built() -> Path:
    return labos.build()


@pytest.fixture
def key(tmp_path) -> Path:
    file = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return file


def file(path: str, text: str) -> dict:
    return {"path": path, "mode": 0o644, "contents": {"source": f"data:,{quote(text)}"}}


def config(key: Path) -> dict:
    member = {"name": "etcd-member.service", "enabled": True, "dropins": [{"name": "10-lab.conf", "contents": ETCD}]}
    return {
        "ignition": {"version": "3.3.0"},
        "passwd": {"users": [{"name": "core", "sshAuthorizedKeys": [key.with_suffix(".pub").read_text().strip()]}]},
        "storage": {"files": [file("/etc/hostname", "lab-one"), file("/etc/lab/file", "from Ignition\n")]},
        "systemd": {"units": [{"name": "hello.service", "enabled": True, "contents": HELLO}, member]},
    }


def test_ignition_configures_the_first_boot_and_no_other(tmp_path, key):
    machine = Machine(tmp_path, config(key))
    with machine.boot():
        assert machine.ready().groups() == ("lab-one", "none")
        assert "ignition files done" in machine.console
        assert "hello from lab-one" in machine.console
        assert machine.ssh(key, "cat /etc/lab/file; hostname") == "from Ignition\nlab-one\n"
        assert "is healthy" in machine.ssh(key, "ETCDCTL_API=3 etcdctl endpoint health 2>&1")
        assert machine.ssh(key, "systemctl is-enabled hello etcd-member") == "enabled\nenabled\n"
        assert int(machine.ssh(key, "df --output=size -BM / | tail -n 1").strip(" M\n")) > 2500  # it grew with its disk
        identity = machine.ssh(key, "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub")
        assert re.match(r"[0-9a-f]{32}\nssh-ed25519 ", identity)
        machine.ssh(key, "echo kept | sudo tee /etc/lab/kept; sudo systemctl poweroff")
        until(machine.ended, 120, "systemctl poweroff did not end the machine")
    with machine.boot():
        machine.ready()
        assert "ignition ran before" in machine.console
        assert "ignition files" not in machine.console
        assert "hello from lab-one" in machine.console
        assert machine.ssh(key, "cat /etc/lab/file /etc/lab/kept") == "from Ignition\nkept\n"
        assert machine.ssh(key, "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub") == identity
        machine.press_power_button()
        until(machine.ended, 120, "the power button did not end the machine")


@pytest.mark.parametrize(
    ("wrong", "stage", "reason"),
    [
        ({"ignition": {"version": "3.9.0"}}, "fetch-offline", "unsupported config version"),
        (
            {"ignition": {"version": "3.3.0"}, "storage": {"files": [file("/etc/passwd", "SECRET")]}},
            "files",
            "A file exists there already and overwrite is false",
        ),
    ],
    ids=["version", "file-in-the-way"],
)
def test_a_refused_config_ends_the_machine_with_the_reason_on_its_console(tmp_path, wrong, stage, reason):
    machine = Machine(tmp_path, wrong)
    with machine.boot():
        until(machine.ended, BOOT, "the machine hangs")
    assert re.search(f"provision-lab: Ignition failed in stage {stage}: .*{reason}", machine.console)
    assert "SECRET" not in machine.console
    assert "provision-lab: ready" not in machine.console


def test_disks_and_files_from_the_network(tmp_path, key):
    web = tmp_path / "web"
    web.mkdir()
    (web / "remote").write_text("from the network\n")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(http.server.SimpleHTTPRequestHandler, directory=web)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted = config(key)
    data = "/dev/disk/by-partlabel/data"
    mount = f"[Mount]\nWhat={data}\nWhere=/var/lib/data\nType=ext4\n[Install]\nWantedBy=local-fs.target\n"
    wanted["storage"] |= {
        "disks": [{"device": "/dev/vdb", "wipeTable": True, "partitions": [{"label": "data", "number": 1}]}],
        "filesystems": [{"device": data, "path": "/var/lib/data", "format": "ext4", "wipeFilesystem": True}],
    }
    source = {"source": f"http://10.0.2.2:{server.server_port}/remote"}
    wanted["storage"]["files"].append({"path": "/var/lib/data/remote", "contents": source})
    wanted["systemd"]["units"].append({"name": "var-lib-data.mount", "enabled": True, "contents": mount})
    subprocess.run(["qemu-img", "create", "-q", "-f", "raw", tmp_path / "data", "64M"], check=True)
    drive = ("-drive", "if=none,id=data,format=raw,file=data", "-device", "virtio-blk-pci,drive=data")
    machine = Machine(tmp_path, wanted, drive)
    try:
        with machine.boot():
            assert machine.ready()[2] == "none"
            assert machine.ssh(key, "cat /var/lib/data/remote") == "from the network\n"
            assert "/dev/vdb1" in machine.ssh(key, "findmnt -n -o SOURCE /var/lib/data")
            assert machine.ssh(key, "cat /etc/resolv.conf").startswith("nameserver ")
    finally:
        server.shutdown()
        server.server_close()
