"""A cluster on mimic, planned and applied by the real engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulated import bench
from tests.emulated.bench import failures
from tests.emulated.rackspace import lab

if TYPE_CHECKING:
    from provision.model import MachineWanted
    from provision_rackspace import Rackspace

__all__ = ["Bench", "failures"]


@dataclass
class Bench(bench.Bench):
    """One operator's computer."""

    provider: ClassVar[str] = "rackspace"

    size: str = lab.SIZE

    def __post_init__(self) -> None:
        super().__post_init__()
        self.image = lab.image(self.cloud)

    def make_provider(self) -> Rackspace:
        self.root.mkdir(parents=True, exist_ok=True)
        return lab.provider(self.given, self.root)

    def machine(self, name: str, number: int, **about: Any) -> MachineWanted:
        return lab.machine(name, self.given, self.image, size=self.size, **about)

    def payload(self, name: str) -> str:
        return f"{name.encode().hex():0<80}" if self.own_payloads else lab.PAYLOAD
