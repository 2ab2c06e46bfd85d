"""The real Ignition, as it boots a machine, fetches its config from the service."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from provision.netboot.entry import State
from tests.ignition import real
from tests.netboot.bench import until

CONFIG = {
    "ignition": {"version": "3.3.0"},
    "storage": {
        "files": [{"path": "/etc/hello", "contents": {"source": "data:,from%20the%20boot%20service"}, "mode": 420}]
    },
}


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="provision-netboot-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def pointer(url: str) -> str:
    return json.dumps({"ignition": {"version": "3.3.0", "config": {"replace": {"source": url}}}})


def test_ignition_applies_what_it_fetches_once(bench, folder):
    machine = bench.put(1, json.dumps(CONFIG).encode())
    bench.booting()
    root = real.apply(pointer(f"{bench.running.url}/ignition/{machine.nonce}"), folder)
    assert (root / "etc/hello").read_text() == "from the boot service"
    progress = until(lambda: (p := bench.store.progress("m1")).state is State.IGNITED and p)
    assert progress.agent.startswith("Ignition/")
    assert not progress.failure
    assert bench.running.service.counts["ignition", 200] == 1


def test_ignition_gives_up_on_a_spent_config(bench, folder):
    machine = bench.put(1, json.dumps(CONFIG).encode())
    bench.home(machine)
    with pytest.raises(real.Refused, match=r"410|Gone"):
        real.apply(pointer(f"{bench.running.url}/ignition/{machine.nonce}"), folder)


def test_ignition_waits_for_a_config_that_is_not_ready(bench, folder):
    machine = bench.put(1, None)
    root = real.new_root(folder)
    (folder / "config.ign").write_text(pointer(f"{bench.running.url}/ignition/{machine.nonce}"))
    command = [
        *(real.binary(real.IGNITION), "--platform", "file", "--stage", "fetch", "--root", root, "--log-to-stdout"),
        *("--config-cache", folder / "cache", "--neednet", folder / "need", "--state-file", folder / "state"),
    ]
    environment = {"PATH": os.environ["PATH"], "IGNITION_CONFIG_FILE": str(folder / "config.ign")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: bench.running.service.counts["ignition", 503] >= 2)
        bench.store.put(machine, json.dumps(CONFIG).encode())
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "/etc/hello" in json.dumps(real.fetched(folder))


def test_ignition_refuses_a_config_that_is_too_new_and_the_service_says_why(bench, folder):
    machine = bench.put(1, b'{"ignition":{"version":"3.5.0"}}')
    with pytest.raises(real.Refused):
        real.apply(pointer(f"{bench.running.url}/ignition/{machine.nonce}"), folder)
    assert "its Ignition reads configs up to 3.3.0" in until(lambda: bench.store.progress("m1").failure)
