"""The real dnsmasq on a network of its own: what it hands out, what TFTP refuses, and that it ends with us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provision.netboot import dnsmasq
from provision.netboot.accounts import account
from provision.netboot.daemons import program
from provision.netboot.dnsmasq import Dhcp, Network
from provision.netboot.entry import State
from provision.netboot.loaders import gather
from provision.netboot.store import BootStore
from provision.netboot.supervise import Daemon
from tests.netboot import bench as benches
from tests.netboot.bench import CONFIG, mac, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "10.98.0.1"


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("dhcp", [Dhcp.FULL, Dhcp.PROXY])
def test_dnsmasq_takes_what_we_write(tmp_path, dhcp, native):
    chosen = "10.0.0.100,10.0.0.199" if dhcp is Dhcp.FULL else "10.0.0.0"
    network = Network(dhcp, "eth0", chosen, "255.255.255.0", "10.0.0.1", "10.0.0.2", native)
    dnsmasq.check(network)
    file = tmp_path / "dnsmasq.conf"
    text = dnsmasq.configuration(
        network, "http://10.0.0.1:8080", tmp_path, None, tmp_path / "leases", account(tmp_path)
    )
    file.write_text(text)
    done = subprocess.run([program("dnsmasq"), "--test", f"--conf-file={file}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Segment:
    """`provision serve` with dnsmasq in a network namespace, and a way to run code there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"nb{os.getpid()}"

    def ip(self, words: str) -> None:
        subprocess.run(["ip", *words.split()], check=True)

    def __enter__(self) -> Segment:
        self.ip(f"netns add {self.name}")
        bridge = "link add br0 type bridge forward_delay 0"
        for words in ("link set lo up", bridge, f"addr add {ADDRESS}/24 dev br0", "link set br0 up"):
            self.ip(f"-n {self.name} {words}")
        return self

    def __exit__(self, *_: object) -> None:
        self.ip(f"netns del {self.name}")

    @contextmanager
    def serve(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        inside = ["ip", "netns", "exec", self.name]
        command = [*inside, sys.executable, "-m", "provision", "serve", "--interface", "br0", "--verbose", *options]
        command += [f"--data={self.folder / 'data'}", f"--cache={self.folder / 'cache'}", "--no-nginx"]
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, text=True)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def tftp(self, *names: str) -> list[str]:
        """Return each file's first block, or what the error says."""
        command = ["ip", "netns", "exec", self.name, sys.executable, "-I", "-c", TFTP, ADDRESS, *names]
        return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


TFTP = """
import json, socket, struct, sys

def read(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(20)
        asked.sendto(struct.pack("!H", 1) + name.encode() + b"\\0octet\\0", (sys.argv[1], 69))
        answer, peer = asked.recvfrom(2048)
        if answer[:2] == b"\\0\\3":
            asked.sendto(b"\\0\\4" + answer[2:4], peer)
        return ("data " if answer[:2] == b"\\0\\3" else "error ") + answer[4:].decode("latin-1")

print(json.dumps([read(name) for name in sys.argv[2:]]))
"""
"""A read request as RFC 1350 has it, in a process of its own, since it runs in another network."""


@pytest.fixture
def segment(tmp_path):
    tmp_path.chmod(0o755)
    with Segment(tmp_path) as found:
        yield found


def ended(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


def test_tftp_serves_loaders_and_scripts_and_nothing_else(segment):
    store = BootStore(segment.folder / "data")
    machine = store.put(benches.entry(segment.folder, 1), CONFIG)
    with segment.serve("--dhcp=full", "--range=10.98.0.100,10.98.0.150", "--native") as process:
        until(lambda: store.service() and "TFTP root" in segment.said())
        (store.directory / "readable").write_text("readable")
        script = f"pxelinux.cfg/01-{mac(1).replace(':', '-')}"
        assert until(lambda: "KERNEL http://" in segment.tftp(script)[0])
        assert until(lambda: store.progress("m1").state is State.LOADING)  # dnsmasq's log says who has read
        own, default, grub = segment.tftp(script, "pxelinux.cfg/default", "grub/grub.cfg")
        assert machine.nonce in own
        assert "LOCALBOOT" in default
        assert grub.startswith("data configfile (http,10.98.0.1:8080)/grub?mac=")
        for answer in segment.tftp(*ELSEWHERE, f"{store.directory}/readable", f"{store.directory}/tftp/../readable"):
            assert answer.startswith("error ")
        store.remove("m1")
        assert until(lambda: segment.tftp(script)[0].startswith("error"))
        assert ended(process) == 0


ELSEWHERE = (
    "../readable",
    "../service.json",
    "../machines/m1.json",
    "/../readable",
    "/etc/passwd",
    "../../../../../../../../etc/passwd",
    "pxelinux.cfg/../../readable",
    "pxelinux.cfg/..//../readable",
    "..\\readable",
    "%2e%2e/readable",
    "x" * 400,
    "",
)


def test_dnsmasq_is_started_again_and_ends_with_us(segment):
    pid_file = segment.folder / "data" / "dnsmasq" / "pid"
    with segment.serve("--dhcp=proxy") as process:
        first = int(until(lambda: pid_file.exists() and pid_file.read_text()))
        until(lambda: "proxy on subnet 10.98.0.0" in segment.said())
        os.kill(first, signal.SIGKILL)
        second = int(until(lambda: (t := pid_file.read_text().strip()) and int(t) != first and t))
        assert "starting it again" in segment.said()
        process.kill()  # no chance to tidy up: the next run does
        process.wait(30)
        assert running(second)
    with segment.serve("--dhcp=proxy") as process:
        third = int(until(lambda: (t := pid_file.read_text().strip()) and int(t) != second and t))
        assert until(lambda: not running(second))
        assert ended(process) == 0
        assert until(lambda: not running(third))
    assert not pid_file.exists()


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_fixed_addresses_follow_the_store(segment):
    store = BootStore(segment.folder / "data")
    with segment.serve("--dhcp=full", "--range=10.98.0.100,10.98.0.150") as process:
        until(lambda: "IP range 10.98.0.100" in segment.said())
        store.put(replace(benches.entry(segment.folder, 1), address="10.98.0.21", hostname="demo-1"), CONFIG)
        hosts = segment.folder / "data" / "dnsmasq" / "hosts"
        assert until(lambda: hosts.read_text() == f"{mac(1)},10.98.0.21,demo-1\n")
        assert until(lambda: segment.said().count("read ") >= 2)
        assert ended(process) == 0


def test_a_daemon_that_cannot_run_says_why(tmp_path):
    from provision.errors import ProvisionError

    config = tmp_path / "bad.conf"
    config.write_text("no-such-option\n")
    daemon = Daemon("dnsmasq", [program("dnsmasq"), "-k", f"--conf-file={config}"], pid_file=tmp_path / "pid")
    with pytest.raises(ProvisionError, match=r"dnsmasq ended at once: .*bad option"), daemon.running():
        pass


def test_loaders_of_the_operators_own_win(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "snponly.efi").write_bytes(b"newer")
    (own / "snponly-arm64.efi").write_bytes(b"arm")
    missing = gather(tmp_path / "tftp", own)
    assert (tmp_path / "tftp" / "snponly.efi").read_bytes() == b"newer"
    assert "snponly-arm64.efi" not in missing
    assert (tmp_path / "tftp" / "undionly.kpxe").stat().st_size > 50_000
