"""A person at the machine: told what to do, and waited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Power:
    """Nothing is switched by us. `where` says where the machine is found, such as "rack 1, place 7"."""

    name: str
    where: str = ""

    def state(self) -> bool | None:
        """Nobody can tell."""
        return None

    def on(self, *, network: bool) -> str:
        """Ask for it."""
        return f"switch on {self._machine} now, and let it boot from {'the network' if network else 'its disk'}"

    def off(self) -> str:
        """Ask for it."""
        return f"switch off {self._machine}: nobody else can, and it still runs what it ran"

    @property
    def _machine(self) -> str:
        return f"{self.name} ({self.where})" if self.where else self.name
