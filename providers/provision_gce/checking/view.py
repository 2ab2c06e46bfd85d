"""What checks look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provision.providing import checking
from provision_gce.settings import Settings

if TYPE_CHECKING:
    from provision.diagnostics import Path
    from provision.model import Json, MachineWanted, Wanted
    from provision.provider import Context
    from provision_gce.sdk import Cloud

OPTIONS: Path = ("providers", "gce")


@dataclass(slots=True)
class View:
    """A cluster, and what earlier checks have learnt of it: each fact is asked for once."""

    cloud: Cloud
    settings: Settings
    context: Context
    wanted: Wanted
    region: Json = field(default_factory=dict)
    project: Json = field(default_factory=dict)
    zones: frozenset[str] = frozenset()  # of the region
    images: dict[str, Json] = field(default_factory=dict)  # by the name that machines call it
    sizes: dict[tuple[str, str], Json] = field(default_factory=dict)  # machine types by zone and name

    @property
    def reachable(self) -> bool:
        """Whether the project and the region answer."""
        return bool(self.region and self.project)

    def options(self, machine: MachineWanted) -> Settings:
        """Return a machine's own options."""
        return Settings.read(machine.options)

    def image_of(self, machine: MachineWanted) -> str:
        """Return what a machine's image is called, or "" when the spec names none."""
        return machine.image or self.options(machine).image

    def type_of(self, machine: MachineWanted) -> Json | None:
        """Return a machine's type in the first of its zones that has it; None when there is none."""
        return next((t for zone in machine.zones if (t := self.sizes.get((zone, str(machine.size))))), None)


unreadable = partial(checking.unreadable, "PV549", OPTIONS)
"""The note that something could not be checked."""
