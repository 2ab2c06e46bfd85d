"""The preflight: all that would stop `up`, found before anything is made, all at once. Only reads.

What needs no call comes first; when the project cannot be asked at all, the rest is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.providing.checking import asked
from provision_gce.checking import existing, images, permissions, project, quota, sizes, spec
from provision_gce.checking.view import View, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Wanted
    from provision.provider import Context
    from provision_gce.sdk import Cloud
    from provision_gce.settings import Settings


def report(cloud: Cloud, settings: Settings, context: Context, wanted: Wanted) -> Report:
    """Return every finding on a cluster."""
    view = View(cloud, settings, context, wanted)
    findings = Report(list(spec.findings(view)))
    findings.extend(project.findings(view))
    if view.reachable:
        findings.extend(asked(view, REMOTE, unreadable))
    return findings


REMOTE: dict[str, Callable[[View], Iterator[Diagnostic]]] = {
    "images": images.findings,
    "sizes": sizes.findings,
    "quotas": quota.findings,
    "the existing network": existing.findings,
    "permissions": permissions.findings,
}
"""Checks that ask GCE, in the order in which they build on each other."""
