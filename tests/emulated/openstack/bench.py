"""A cluster on the strict OpenStack, planned and applied by the real engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulated import bench
from tests.emulated.bench import failures
from tests.emulated.openstack import lab

if TYPE_CHECKING:
    from provision.model import MachineWanted
    from provision_openstack import OpenStack

__all__ = ["Bench", "failures"]


@dataclass
class Bench(bench.Bench):
    """One operator's computer; `share` names the login that benches of one test process share."""

    provider: ClassVar[str] = "openstack"

    floating: bool = False
    size: str = "m1.tiny"
    share: str = "bench"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.image = lab.image(self.cloud)

    def make_provider(self) -> OpenStack:
        self.root.mkdir(parents=True, exist_ok=True)
        return lab.provider(self.given, self.root, share=self.share)

    def machine(self, name: str, number: int, **about: Any) -> MachineWanted:
        options = {**self.given, "floating_ip": self.floating}
        planned = about["etcd"] and "network" not in self.given
        address = f"10.99.0.{10 + number}" if planned else ""
        return lab.machine(name, options, self.image, size=self.size, address=address, **about)

    def payload(self, name: str) -> str:
        return f"{name.encode().hex():0<80}" if self.own_payloads else lab.PAYLOAD
