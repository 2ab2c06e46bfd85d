"""Commands of the operator's own: ipmitool, a smart plug, a virtual machine."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from provision.errors import Kind, ProviderError

TIMEOUT = 60.0
"""Seconds that a command may take."""


@dataclass(frozen=True, slots=True)
class Power:
    """Each is a list of words, run without a shell, in which ``{name}`` is the machine's name.

    `power_on` boots from the disk and `network_boot` from the network, whatever the machine does now; without the
    latter, `power_on` does both. `status` writes a line that ends in "on" or "off", as `ipmitool power status` does.
    """

    name: str
    power_on: list[str]
    power_off: list[str]
    network_boot: list[str] | None = None
    status: list[str] | None = None

    def state(self) -> bool | None:
        """Ask the command `status`."""
        if self.status is None:
            return None
        last = self._run(self.status).strip().lower().rpartition(" ")[2]
        return {"on": True, "off": False}.get(last)

    def on(self, *, network: bool) -> str:
        """Run `network_boot` or `power_on`."""
        self._run(self.network_boot if network and self.network_boot else self.power_on)
        return ""

    def off(self) -> str:
        """Run `power_off`."""
        self._run(self.power_off)
        return ""

    def _run(self, words: list[str]) -> str:
        command = [word.replace("{name}", self.name) for word in words]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise self._fault(f"{command[0]} did not end within {TIMEOUT:.0f} s") from None
        except OSError as error:
            raise self._fault(f"{command[0]}: {error.strerror}", retryable=False) from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise self._fault(f"{command[0]} ended with {done.returncode}{f': {said[-1]}' if said else ''}")
        return done.stdout

    def _fault(self, why: str, *, retryable: bool = True) -> ProviderError:
        return ProviderError(f"the power of {self.name}: {why}", kind=Kind.UNAVAILABLE, retryable=retryable)
