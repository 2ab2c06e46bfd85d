"""`provision serve` as a person runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from provision.netboot.entry import State
from provision.netboot.store import BootStore
from provision.pki import authority
from provision.pki.authority import Usage
from tests.netboot import bench as benches
from tests.netboot.bench import CONFIG, mac, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "provision", "serve"]


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [*COMMAND, "--json", "--port=0", f"--data={folder / 'data'}", f"--cache={folder / 'cache'}", *options]
    with (folder / "stderr").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline()
        assert line, (folder / "stderr").read_text()
        yield process, json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=60)


def test_it_serves_and_shows_each_change_and_ends_in_good_order(tmp_path):
    store = BootStore(tmp_path / "data")
    machine = store.put(benches.entry(tmp_path, 1), CONFIG)
    with served(tmp_path, "--no-nginx") as (process, said), httpx.Client(base_url=said["url"]) as web:
        assert store.service().url == said["url"]
        until(lambda: "kernel " in web.get(f"/ipxe?mac={mac(1)}").text)
        shown = json.loads(process.stdout.readline())
        assert (shown["id"], shown["state"]) == ("m1", "loading")
        second = run(f"--data={tmp_path / 'data'}", f"--cache={tmp_path / 'cache'}", "--port=0")
        assert second.returncode == 5
        assert "another boot service runs on" in second.stderr
        assert "[PV584]" in second.stderr
        web.post(f"/phone-home/{machine.phone_home}", json={"machine": "m1", "nonce": machine.phone_home, "failed": []})
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert store.service() is None
    assert store.progress("m1").state is State.UP


def test_a_killed_service_knows_what_it_acknowledged(tmp_path):
    store = BootStore(tmp_path / "data")
    machine = store.put(benches.entry(tmp_path, 1), CONFIG)
    with served(tmp_path, "--no-nginx") as (process, said), httpx.Client(base_url=said["url"]) as web:
        assert web.get(f"/ignition/{machine.nonce}").status_code == 200
        report = {"machine": "m1", "nonce": machine.phone_home, "failed": []}
        assert web.post(f"/phone-home/{machine.phone_home}", json=report).status_code == 200
        process.kill()
        process.wait(30)
    assert store.service() is None
    with served(tmp_path, "--no-nginx") as (_, said):
        assert httpx.get(f"{said['url']}/ignition/{machine.nonce}").status_code == 410


def test_tls(tmp_path):
    certificate, key = made(tmp_path)
    with served(tmp_path, f"--cert={certificate}", f"--key={key}", "--url=https://127.0.0.1") as (_, said):
        here = until(lambda: BootStore(tmp_path / "data").service())
        assert said["url"] == here.url == "https://127.0.0.1"
    with benches.bench(tmp_path, certificate=certificate, key=key) as bench:
        machine = bench.put(1)
        assert bench.running.here.startswith("https://")
        assert bench.web.get(f"/ignition/{machine.nonce}").content == CONFIG
        assert "kernel https://" in bench.booting()


def test_print_writes_what_another_dnsmasq_needs(tmp_path):
    said = run(
        "--dhcp=proxy", "--interface=eth9", "--range=10.0.0.0", "--host=10.0.0.1", f"--data={tmp_path}", "--print"
    )
    assert said.returncode == 0, said.stderr
    assert "dhcp-range=10.0.0.0,proxy\n" in said.stdout
    assert "pxe-service=tag:ipxe,x86PC,provision,http://10.0.0.1:8080/boot.ipxe\n" in said.stdout
    assert f"tftp-root={tmp_path}/tftp\n" in said.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dhcp=sometimes"], "is not one of proxy, full, none"),
        (["--dhcp=proxy"], "needs --interface"),
        (["--dhcp=full", "--interface=lo"], "takes a --range"),
        (["--dhcp=full", "--interface=lo", "--range=10.0.0.1,10.0.0.x"], "is no IPv4 address"),
        (
            ["--dhcp=full", "--interface=lo\nuser=root", "--range=10.0.0.1,10.0.0.2", "--host=127.0.0.1"],
            "needs --interface",
        ),
        (["--dhcp=proxy", "--interface=none9", "--range=10.0.0.0"], "has no IPv4 address"),
        (["--host=0.0.0.0"], "does not say where machines reach the service"),
        (["--cert=x.pem"], "belong together"),
        (["--print"], "needs --dhcp"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, options, words):
    said = run(*options, f"--data={tmp_path}", f"--cache={tmp_path}")
    assert said.returncode == 2, said.stderr
    assert words in said.stderr
    assert "Traceback" not in said.stderr


def test_a_missing_library_is_named(tmp_path):
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from provision.cli.main import run\n"
        f"sys.exit(run(['serve', '--data={tmp_path}', '--cache={tmp_path}', '--port=0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "the boot service needs uvicorn, which is not installed" in done.stderr
    assert "pip install 'provision[serve]'" in done.stderr


def made(folder: Path) -> tuple[Path, Path]:
    now = datetime.now(UTC)
    ca = authority.create("demo", "7d3a7b0e-5e0f-4a53-9d4b-3f5a1f0f6a11", now=now)
    pair = authority.issue(ca, "boot", Usage.SERVER, now=now, names=["127.0.0.1"])
    certificate, key = folder / "boot.pem", folder / "boot.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    return certificate, key
