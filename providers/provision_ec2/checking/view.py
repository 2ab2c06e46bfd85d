"""What checks look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provision.providing import checking
from provision_ec2.settings import Settings

if TYPE_CHECKING:
    from provision.diagnostics import Path
    from provision.model import Json, MachineWanted, Wanted
    from provision.provider import Context
    from provision_ec2.sdk import Cloud

OPTIONS: Path = ("providers", "ec2")


@dataclass(slots=True)
class View:
    """A cluster, and what earlier checks have learnt of it: each fact is asked for once."""

    cloud: Cloud
    settings: Settings
    context: Context
    wanted: Wanted
    reachable: bool = False
    images: dict[str, Json] = field(default_factory=dict)  # by the name that machines call it
    types: dict[str, Json] = field(default_factory=dict)  # by instance type

    def options(self, machine: MachineWanted) -> Settings:
        """Return a machine's own options."""
        return Settings.read(machine.options)

    def image_of(self, machine: MachineWanted) -> str:
        """Return what a machine's image is called: an AMI id, an alias, or "" when the spec names none."""
        return machine.image or self.options(machine).image

    def sizes(self) -> list[str]:
        """Return the instance types that are wanted, each once."""
        return list(dict.fromkeys(m.size for m in self.wanted.machines if isinstance(m.size, str) and m.size))


unreadable = partial(checking.unreadable, "PV528", OPTIONS)
"""The note that something could not be checked."""
