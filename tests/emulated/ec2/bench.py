"""A cluster on the strict EC2, planned and applied by the real engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulated import bench
from tests.emulated.bench import failures
from tests.emulated.ec2 import lab

if TYPE_CHECKING:
    from provision.model import MachineWanted
    from provision_ec2 import EC2

__all__ = ["Bench", "failures"]


@dataclass
class Bench(bench.Bench):
    provider: ClassVar[str] = "ec2"

    zones: tuple[str, ...] = ()
    addresses: bool = False

    def make_provider(self) -> EC2:
        return lab.provider(self.given, self.root)

    def machine(self, name: str, number: int, **about: Any) -> MachineWanted:
        address = f"10.99.0.{10 + number}" if self.addresses else ""
        return lab.machine(name, self.given, zones=self.zones, address=address, **about)
