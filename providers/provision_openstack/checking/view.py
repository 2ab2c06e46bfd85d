"""What checks look at, and how they write what they find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision_openstack.settings import Settings

if TYPE_CHECKING:
    from provision.diagnostics import Path
    from provision.errors import ProviderError
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


def error(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that stops `up`."""
    return Diagnostic(code, message, Severity.ERROR, path, hint=hint)


def warning(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that does not."""
    return Diagnostic(code, message, Severity.WARNING, path, hint=hint)


def unreadable(what: str, reason: ProviderError) -> Diagnostic:
    """Return the note that something could not be checked, so that silence never passes for consent."""
    return Diagnostic("PV559", f"not checked: {what} ({reason.message})", Severity.INFO, OPTIONS, hint=reason.hint)


def where(machine: MachineWanted, *rest: str) -> Path:
    """Return the path of a machine's setting in the spec: its pool's."""
    return ("pools", machine.pool, *rest)
