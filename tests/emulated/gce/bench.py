"""A cluster on the strict GCE, planned and applied by the real engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulated import bench
from tests.emulated.bench import failures
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from provision.model import Json, Labels, MachineWanted
    from provision_gce import GCE

__all__ = ["Bench", "failures"]


@dataclass
class Bench(bench.Bench):
    """One operator's computer; it spares neither calls nor looks, since the strict GCE neither lags nor throttles."""

    provider: ClassVar[str] = "gce"
    traits: ClassVar[Json] = {"settle": 0.05, "rate": 1000.0}

    zones: tuple[str, ...] = lab.ZONES
    addresses: bool = False

    def make_provider(self) -> GCE:
        return lab.provider(self.given, self.root)

    def machine(self, name: str, number: int, **about: Any) -> MachineWanted:
        address = f"10.99.0.{10 + number}" if self.addresses else ""
        return lab.machine(name, self.given, zones=self.zones, address=address, **about)

    def labels(self, name: str = "") -> Labels:
        return lab.labels(name)
