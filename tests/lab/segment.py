"""An Ethernet segment of its own: a network namespace with a bridge, in which all processes of a test run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BRIDGE = "br0"
HOST = "10.98.0.1"
NETWORK = "10.98.0.0/24"


NAMESPACE = uuid.UUID("70726f76-6973-4000-8000-6c61626f7300")


def system(machine: str) -> str:
    """Return a machine's SMBIOS UUID, by which its controller knows it."""
    return str(uuid.uuid5(NAMESPACE, machine))


@dataclass(frozen=True)
class Segment:
    """The namespace. `HOST` is the operator's address on the bridge."""

    name: str

    def command(self, *words: object) -> list[str]:
        """Return a command that runs in the namespace."""
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, *words: object) -> None:
        subprocess.run(self.command(*words), check=True, stdin=subprocess.DEVNULL)

    def tap(self, name: str) -> str:
        """Add a card to the bridge."""
        self.run("ip", "tuntap", "add", name, "mode", "tap")
        self.run("ip", "link", "set", name, "master", BRIDGE, "up")
        return name

    def pids(self) -> list[int]:
        """Return the processes that are left in the namespace."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]


@contextmanager
def segment() -> Iterator[Segment]:
    """Give a segment for the length of the context, and end whatever is left in it; needs root."""
    made = Segment(f"pv-{os.getpid()}-{time.monotonic_ns() % 100000}")
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        made.run("ip", "link", "set", "lo", "up")
        made.run("ip", "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
        made.run("ip", "address", "add", f"{HOST}/24", "dev", BRIDGE)
        made.run("ip", "link", "set", BRIDGE, "up")
        yield made
    finally:
        _end(made)
        subprocess.run(["ip", "netns", "delete", made.name], check=True)


def _end(made: Segment) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in made.pids():
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, number)
        deadline = time.monotonic() + 10
        while made.pids() and time.monotonic() < deadline:
            time.sleep(0.1)
