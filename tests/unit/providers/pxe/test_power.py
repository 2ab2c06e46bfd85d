"""Power control: Redfish against sushy-tools' emulator, the operator's own commands, and a person."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind, ProviderError
from provision_pxe import powers
from provision_pxe.power import control

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
USER, PASSWORD = "operator", "correct horse"

EMULATOR = """
import random, sys
from sushy_tools.emulator import main
random.randint = lambda low, high: 0  # the fake systems change their power after a random time
sys.argv = ["sushy-emulator", "--config", sys.argv[1], "--fake", "--interface", "127.0.0.1", "--port", sys.argv[2]]
main.main()
"""


def emulator(directory: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start an emulator with two systems, off at first, behind a password."""
    import bcrypt

    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (directory / "htpasswd").write_text(f"{USER}:{hashed}\n")
    systems = [{"uuid": u, "name": n, "power_state": "Off", "nics": []} for u, n in ((ONE, "one"), (TWO, "two"))]
    settings = {
        "SUSHY_EMULATOR_FAKE_SYSTEMS": systems,
        "SUSHY_EMULATOR_STATE_DIR": str(directory),
        "SUSHY_EMULATOR_AUTH_FILE": str(directory / "htpasswd"),
    }
    (directory / "emulator.conf").write_text("".join(f"{key} = {value!r}\n" for key, value in settings.items()))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", EMULATOR, str(directory / "emulator.conf"), str(port)]
    with (directory / "emulator.log").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log), f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def bmc(tmp_path_factory) -> Iterator[str]:
    process, url = emulator(tmp_path_factory.mktemp("bmc"))
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/redfish/v1/", timeout=5).close()
                break
            except urllib.error.URLError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def settings(bmc, monkeypatch) -> dict:
    monkeypatch.setenv("BMC_PASSWORD", PASSWORD)
    return {"kind": "redfish", "url": bmc, "system": ONE, "username": USER, "password": {"env": "BMC_PASSWORD"}}


def boot_source(bmc: str, system: str) -> str:
    request = urllib.request.Request(f"{bmc}/redfish/v1/Systems/{system}")
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["Boot"]["BootSourceOverrideTarget"]


def test_redfish_switches_on_from_the_network_and_off(bmc, settings):
    power = control("node-1", settings)
    assert power.state() is False
    assert power.on(network=True) == ""
    assert power.state() is True
    assert boot_source(bmc, ONE) == "Pxe"
    assert power.on(network=False) == ""  # it runs: it is restarted from its disk
    assert power.state() is True
    assert boot_source(bmc, ONE) == "Hdd"
    assert power.off() == ""
    assert power.state() is False
    assert power.off() == ""
    assert control("node-2", {**settings, "system": f"/redfish/v1/Systems/{TWO}"}).state() is False


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"password": {"env": "NOT_SET_ANYWHERE"}}, Kind.AUTH, "NOT_SET_ANYWHERE is not set"),
        ({"password": {"file": "/does/not/exist"}}, Kind.AUTH, "cannot be read"),
        ({"username": "stranger"}, Kind.AUTH, "node-1"),
        ({"system": "nobody"}, Kind.NOT_FOUND, "node-1"),
        ({"system": ""}, Kind.INVALID, "has 2 systems"),
        ({"url": "http://127.0.0.1:1"}, Kind.UNAVAILABLE, "node-1"),
    ],
)
def test_redfish_faults_name_the_machine_and_never_the_password(settings, wrong, kind, words):
    with pytest.raises(ProviderError) as caught:
        control("node-1", {**settings, **wrong}).state()
    assert caught.value.kind is kind
    assert caught.value.retryable is (kind is Kind.UNAVAILABLE)
    assert words in caught.value.message
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"


def test_many_are_asked_at_once_and_a_silent_one_is_named(settings):
    machines = {f"node-{n}": settings for n in range(8)} | {"dead": {**settings, "url": "http://127.0.0.1:1"}}
    found = powers.states(machines)
    assert {name: on for name, (on, _) in found.items()} == {**dict.fromkeys(list(machines)[:8], False), "dead": None}
    assert "the power of dead" in found["dead"][1]


def test_a_password_may_come_from_a_file(settings, tmp_path):
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    assert control("node-1", {**settings, "password": {"file": str(tmp_path / "secret")}}).state() is False


@pytest.mark.parametrize(("said", "state"), [("Chassis Power is on", True), ("off", False), ("who knows", None)])
def test_a_command_tells_the_state(said, state):
    settings = {"kind": "command", "power_on": ["true"], "power_off": ["true"], "status": ["echo", said]}
    assert control("x", settings).state() is state


def test_commands_get_the_machines_name_and_no_shell(tmp_path):
    settings = {"kind": "command", "power_on": ["touch", f"{tmp_path}/{{name}}; rm *"], "power_off": ["true"]}
    power = control("node-7", settings)
    assert power.state() is None
    power.on(network=True)
    assert [p.name for p in tmp_path.iterdir()] == ["node-7; rm *"]


def test_a_command_that_fails_or_is_not_there():
    settings = {"kind": "command", "power_on": ["sh", "-c", "echo no chassis >&2; exit 3"], "power_off": ["/no/such"]}
    with pytest.raises(ProviderError, match="the power of x: sh ended with 3: no chassis") as failed:
        control("x", settings).on(network=True)
    assert failed.value.retryable
    with pytest.raises(ProviderError, match="/no/such: No such file") as absent:
        control("x", settings).off()
    assert not absent.value.retryable


def test_a_person_is_asked(tmp_path):
    power = control("node-7", {"where": "rack 1"})
    assert power.state() is None
    assert power.on(network=False) == "switch on node-7 (rack 1) now, and let it boot from its disk"
    assert "switch off node-7 (rack 1)" in power.off()


def test_a_kind_is_a_file_of_its_own(monkeypatch, tmp_path):
    """A new kind needs a file in the package and nothing else."""
    import provision_pxe.power as package

    (tmp_path / "plug.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Power:\n"
        "    name: str\n"
        "    socket: int\n"
        "    def state(self): return self.socket == 1\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert control("x", {"kind": "plug", "socket": 1}).state() is True
    with pytest.raises(ProviderError, match="plug needs socket"):
        control("x", {"kind": "plug"})
    monkeypatch.delitem(sys.modules, "provision_pxe.power.plug")
