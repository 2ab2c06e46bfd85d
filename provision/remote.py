"""The one way into a running machine: OpenSSH with pinned host keys.

A machine's host key is learnt at its first connection and kept under the machine's name and generation, so that a
machine made anew is not taken for an intruder, and an intruder is not taken for the machine.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from provision.model import Observed

SSH_PORT = 22
CONNECT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command on a machine gave; `code` 255 means that ssh itself failed."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A way into one machine.

    Args:
        machine: as its provider reports it.
        known_hosts: the file of the cluster's host keys; made at first use.
        user: the login name; container Linux has "core".
        identity: a private key's file, or None for the agent and ssh's own defaults.
    """

    machine: Observed
    known_hosts: Path
    user: str = "core"
    identity: Path | None = None

    def command(self, words: Sequence[str] = (), *, tty: bool = False) -> list[str]:
        """Return the full ssh command line.

        Raises:
            ProvisionError: the machine has no address yet, or there is no ssh here.
        """
        if shutil.which("ssh") is None:
            raise ProvisionError("there is no ssh on this computer", hint="apt-get install openssh-client")
        host, port = self._endpoint()
        options = {
            "HostKeyAlias": f"{self.machine.name}.{self._generation()}",
            "UserKnownHostsFile": str(self.known_hosts),
            "StrictHostKeyChecking": "accept-new",
            "ConnectTimeout": str(CONNECT_SECONDS),
            "LogLevel": "ERROR",
        }
        line = ["ssh", "-p", str(port), *(["-t"] if tty else [])]
        for name, value in options.items():
            line += ["-o", f"{name}={value}"]
        if self.identity is not None:
            line += ["-i", str(self.identity), "-o", "IdentitiesOnly=yes"]
        return [*line, f"{self.user}@{host}", *words]

    def run(self, words: Sequence[str], *, timeout: float = 60, stdin: str = "") -> Answer:
        """Run a command there, without a terminal and without questions.

        Raises:
            ProvisionError: no answer within `timeout` seconds, or the machine cannot be addressed.
        """
        line = self.command(words)
        line[1:1] = ["-o", "BatchMode=yes"]
        try:
            done = subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise ProvisionError(f"{self.machine.name} did not answer within {timeout:.0f} s") from None
        return Answer(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def forward(self, port: int, *, timeout: float = 30) -> Iterator[int]:
        """Reach a port of the machine through ssh; yields the port on this computer's loopback.

        Raises:
            ProvisionError: ssh did not set the tunnel up within `timeout` seconds; the message is ssh's own.
        """
        here = _free_port()
        line = self.command()
        line[1:1] = [
            "-N",
            "-o",
            "BatchMode=yes",
            "-o",
            "ExitOnForwardFailure=yes",
            "-L",
            f"127.0.0.1:{here}:127.0.0.1:{port}",
        ]
        with subprocess.Popen(line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tunnel:
            try:
                self._await_tunnel(tunnel, here, time.monotonic() + timeout)
                yield here
            finally:
                tunnel.terminate()

    def _await_tunnel(self, tunnel: subprocess.Popen[str], port: int, deadline: float) -> None:
        while time.monotonic() < deadline:
            if tunnel.poll() is not None:
                words = tunnel.stderr.read().strip() if tunnel.stderr else ""
                raise ProvisionError(f"ssh to {self.machine.name} failed: {words}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.1)
        raise ProvisionError(f"ssh to {self.machine.name} set up no tunnel in time")

    def _endpoint(self) -> tuple[str, int]:
        if "ssh" in self.machine.reach:
            host, _, port = self.machine.reach["ssh"].rpartition(":")
            return host, int(port)
        address = self.machine.addresses.get("public") or self.machine.addresses.get("private")
        if not address:
            raise ProvisionError(f"{self.machine.name} has no address yet (it is {self.machine.state})")
        return address, SSH_PORT

    def _generation(self) -> int:
        return self.machine.labels.generation if self.machine.labels else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
