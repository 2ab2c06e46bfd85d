"""Two lab machines through the QEMU provider: real boots, the real Ignition, two networks, and nothing left over."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from provision.model import Observed, State
from provision_qemu import QEMU, labos
from tests.unit.providers.qemu.kit import Kit, made, processes, tidy, until

if TYPE_CHECKING:
    from pathlib import Path

BOOT = 400.0
"""Seconds for a first boot; under emulation on two busy cores it takes one to two minutes."""

ADDRESSES = {"lab-a": "10.99.0.1", "lab-b": "10.99.0.2"}
READY = "provision-lab: ready"


@dataclass(frozen=True)
class Key:
    private: Path
    public: str


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> Key:
    file = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return Key(file, file.with_suffix(".pub").read_text().strip())


@pytest.fixture
def kit(tmp_path):
    with tidy(tmp_path) as kit:
        yield kit


def config(name: str, key: Key) -> str:
    """Write the first-boot config: who may log in, the second card's address, and an etcd of the machine's own."""
    card = f"[Match]\nPath={QEMU.traits.private_interface}\n[Network]\nAddress={ADDRESSES[name]}/24\n"
    etcd = "[Service]\nEnvironment=ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379\n"
    etcd += f"Environment=ETCD_ADVERTISE_CLIENT_URLS=http://{ADDRESSES[name]}:2379\n"
    files = {"/etc/hostname": name, "/etc/systemd/network/10-cluster.network": card}
    unit = {"name": "etcd-member.service", "enabled": True, "dropins": [{"name": "10-test.conf", "contents": etcd}]}
    return json.dumps(
        {
            "ignition": {"version": "3.3.0"},
            "passwd": {"users": [{"name": "core", "sshAuthorizedKeys": [key.public]}]},
            "storage": {
                "files": [
                    {"path": path, "mode": 0o644, "overwrite": True, "contents": {"source": f"data:,{quote(text)}"}}
                    for path, text in files.items()
                ]
            },
            "systemd": {"units": [unit]},
        }
    )


def boot(kit: Kit, name: str, key: Key) -> Observed:
    body = {"size": {"memory": "512MiB"}, "image": str(labos.build()), "address": ADDRESSES[name]}
    request = replace(kit.request(name, **body), payload=config(name, key))
    machine = made(kit.qemu.create([request]))
    until(lambda: READY in kit.qemu.console(machine), BOOT)
    return machine


def ssh(machine: Observed, key: Key, command: str) -> subprocess.CompletedProcess[str]:
    host, port = machine.reach["ssh"].split(":")
    options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "ConnectTimeout": "60"}
    flags = [flag for name, value in options.items() for flag in ("-o", f"{name}={value}")]
    order = ["ssh", "-q", "-i", key.private, "-p", port, *flags, f"core@{host}", command]
    return subprocess.run(order, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def says(machine: Observed, key: Key, command: str) -> str:
    run = ssh(machine, key, command)
    assert run.returncode == 0, (command, run.stdout, run.stderr)
    return run.stdout.strip()


def healthy(machine: Observed) -> bool:
    try:
        with urllib.request.urlopen(f"http://{machine.reach['etcd']}/health", timeout=10) as answer:
            return json.load(answer)["health"] == "true"
    except OSError:
        return False


@pytest.mark.vm
@pytest.mark.timeout(900)
def test_machines_live_and_die(kit, key):
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda name: boot(kit, name, key), ADDRESSES)

    # The real Ignition has run, once, and what it wrote is there.
    assert says(one, key, "hostname") == "lab-a"
    assert says(one, key, "test -e /etc/.ignition-result.json && echo yes") == "yes"

    # The second card is found by its place alone, and carries the planned address.
    addresses = json.loads(says(one, key, "ip -json -4 address show"))
    cards = {a["local"]: card["ifname"] for card in addresses for a in card["addr_info"]}
    udev = says(one, key, f"udevadm info /sys/class/net/{cards['10.99.0.1']}")
    assert f"ID_PATH={QEMU.traits.private_interface}\n" in udev
    assert "10.0.2.15" in cards

    # The machines reach one another, and etcd is reached through the forwarded port.
    assert "2 received" in says(one, key, "sudo ping -c 2 -W 10 10.99.0.2")
    assert "2 received" in says(two, key, "sudo ping -c 2 -W 10 10.99.0.1")
    until(lambda: healthy(one) and healthy(two), 120)
    remote = "curl -sf http://10.99.0.2:2379/version"
    assert "etcdserver" in json.loads(says(one, key, remote))

    # A machine that switches itself off is seen as such, starts again as the same, and does not run Ignition again.
    boot_id = says(one, key, "cat /etc/machine-id")
    ssh(one, key, "sudo systemctl poweroff")
    until(lambda: state(kit, "lab-a") is State.STOPPED, 120)
    kit.qemu.power(one, True)
    one = next(m for m in kit.list() if m.name == "lab-a")
    until(lambda: kit.qemu.console(one).count(READY) == 2, BOOT)
    assert says(one, key, "cat /etc/machine-id") == boot_id
    assert kit.qemu.console(one).count("ignition files done") == 1

    # Asked to by QEMU (the ACPI power button), the guest ends in good order and in time.
    kit.qemu.power(two, False)
    assert state(kit, "lab-b") is State.STOPPED
    assert "Power down" in kit.qemu.console(two)

    kit.delete(*kit.list())
    assert kit.list() == []
    assert processes(kit.root) == []
    assert list(kit.context.work.iterdir()) == []


def state(kit: Kit, name: str) -> State:
    return next(m.state for m in kit.list() if m.name == name)
