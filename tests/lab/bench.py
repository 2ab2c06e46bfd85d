"""An operator's computer with real machines: state and machines of its own, the lab image of everybody."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.unit.providers.qemu.kit import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOOT = 600
"""Seconds for first boots until etcd is healthy; it takes a quarter of that on two idle cores."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


class Operator:
    """Runs the real program in a directory that holds `cluster.yaml`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        own = {"PROVISION_STATE_DIR": str(directory / "state"), "PROVISION_DATA_DIR": str(self.data)}
        self.environment = {**os.environ, **own}

    def start(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "provision", *argv],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        )

    def run(self, *argv: str) -> Ran:
        process = self.start(*argv)
        out, err = process.communicate(timeout=BOOT + 120)
        print(f"$ provision {' '.join(argv)} -> {process.returncode}\n{out}{err}")
        return Ran(process.returncode, out, err)

    def status(self) -> Any:
        return json.loads(self.run("status", "--json").out)

    def up(self, *more: str) -> Ran:
        return self.run("up", "--timeout", str(BOOT), *more)

    def console(self, machine: str) -> str:
        return self.run("console", machine).out

    def heard(self, machine: str) -> str:
        """Return what a machine has said so far, without a process of ours: for waiting."""
        found = list((self.data / "qemu").glob(f"*/{machine}/serial.log"))
        return found[0].read_text(errors="replace") if found else ""

    def processes(self) -> list[int]:
        return processes(self.data / "qemu")

    def kept(self, name: str) -> Any:
        """Return a JSON value of the one cluster's state, or None."""
        found = list((self.directory / "state").glob(f"*/{name}"))
        return json.loads(found[0].read_text()) if found else None

    def leaves_nothing(self) -> None:
        """Take the cluster down, and look for all that it could leave: labels, processes, disks, sockets."""
        assert self.run("down", "--yes").code == 0
        assert json.loads(self.run("list", "--json").out)["clusters"] == []
        assert self.processes() == []
        assert [p for p in (self.data / "qemu").rglob("*") if not p.is_dir()] == []

    def clean_up(self) -> None:
        """End what a failed test left."""
        self.run("down", "--yes")
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)


def until(condition: Callable[[], object], seconds: float = BOOT) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come true in time"
        time.sleep(0.5)


def etcd(address: str, route: str, **question: object) -> Any:
    """Ask a member through etcd's own JSON gateway; texts are base64 there."""
    request = urllib.request.Request(f"http://{address}/v3/{route}", data=json.dumps(question).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
