"""Who we are, and whether the services can be asked and are new enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing.checking import error
from provision_openstack.checking.view import OPTIONS
from provision_openstack.sdk import MICROVERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_openstack.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check credentials and services; sets `view.project` when all of it can be used."""
    try:
        project = view.cloud.project()
        if not project:
            hint = "name a project in clouds.yaml (`project_name`) or in OS_PROJECT_NAME"
            yield error("PV550", "the credentials are for no project", OPTIONS, hint)
            return
        low, high = view.cloud.compute_versions()
    except ProviderError as problem:
        code = "PV550" if problem.kind is Kind.AUTH else "PV551"
        message = f"OpenStack cannot be used: {problem.message}"
        yield error(code, message, OPTIONS, problem.hint)
        return
    if not _numbers(low) <= _numbers(MICROVERSION) <= _numbers(high):
        message = f"nova speaks the microversions {low} to {high}, and provision needs {MICROVERSION}"
        yield error("PV551", message, OPTIONS, "the cloud must be of the release Stein (2019) or newer")
        return
    view.project = project


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
