"""What checks look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provision.providing import checking
from provision_vmware.settings import Settings

if TYPE_CHECKING:
    from provision.diagnostics import Path
    from provision.model import MachineWanted, Wanted
    from provision_vmware.cloud import Cloud
    from provision_vmware.places import Template
    from provision_vmware.properties import Row

OPTIONS: Path = ("providers", "vmware")


@dataclass(slots=True)
class View:
    """A cluster, and what earlier checks have learnt of it: each fact is asked for once."""

    cloud: Cloud
    settings: Settings
    wanted: Wanted
    reachable: bool = False
    pools: dict[str, Row] = field(default_factory=dict)  # by what the options call them
    stores: dict[tuple[str, str], list[Row]] = field(default_factory=dict)  # by datastore and datastore cluster
    networks: dict[str, Row] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    told: set[tuple[str, Path]] = field(default_factory=set)

    def options(self, machine: MachineWanted) -> Settings:
        """Return a machine's own options."""
        return Settings.read(machine.options)

    def image_of(self, machine: MachineWanted) -> str:
        """Return what a machine's image is called, "" when the spec names none."""
        return machine.image or self.options(machine).image


unreadable = partial(checking.unreadable, "PV574", OPTIONS)
"""The note that something could not be checked."""
