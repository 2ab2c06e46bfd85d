"""What checks look at, and how they write what they find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision_vmware.settings import Settings

if TYPE_CHECKING:
    from provision.diagnostics import Path
    from provision.errors import ProviderError
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


def error(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that stops `up`."""
    return Diagnostic(code, message, Severity.ERROR, path, hint=hint)


def warning(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that does not."""
    return Diagnostic(code, message, Severity.WARNING, path, hint=hint)


def unreadable(what: str, reason: ProviderError) -> Diagnostic:
    """Return the note that something could not be checked, so that silence never passes for consent."""
    return Diagnostic("PV574", f"not checked: {what} ({reason.message})", Severity.INFO, OPTIONS, hint=reason.hint)


def where(machine: MachineWanted, *rest: str) -> Path:
    """Return the path of a machine's setting in the spec: its pool's."""
    return ("pools", machine.pool, *rest)
