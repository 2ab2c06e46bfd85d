"""What the builders of additions look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.firstboot.additions.system import System
    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine


@dataclass(frozen=True, slots=True)
class Context:
    """One machine, its cluster, its operating system, its provider's traits, and the version of the additions."""

    machine: Machine
    cluster: Cluster
    system: System
    traits: Traits
    version: int
