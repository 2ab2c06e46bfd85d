"""What checks look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provision.providing import checking
from provision_openstack.settings import Settings

if TYPE_CHECKING:
    from provision.diagnostics import Path
    from provision.model import Json, MachineWanted, Wanted
    from provision_openstack.finding import Catalogue
    from provision_openstack.sdk import Cloud

OPTIONS: Path = ("providers", "openstack")


@dataclass(slots=True)
class View:
    """A cluster, and what earlier checks have learnt of it: each fact is asked for once."""

    cloud: Cloud
    catalogue: Catalogue
    settings: Settings
    wanted: Wanted
    project: str = ""
    flavors: dict[str, Json] = field(default_factory=dict)  # by the name that machines call them

    def options(self, machine: MachineWanted) -> Settings:
        """Return a machine's own options."""
        return Settings.read(machine.options)


unreadable = partial(checking.unreadable, "PV559", OPTIONS)
"""The note that something could not be checked."""
