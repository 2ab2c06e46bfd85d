"""The preflight: all that would stop `up`, found before anything is made, all at once. Only reads.

What needs no call comes first; when the cloud cannot be asked at all, the rest is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.providing.checking import asked
from provision_openstack.checking import access, existing, images, quota, sizes, spec
from provision_openstack.checking.view import View, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Wanted
    from provision_openstack.finding import Catalogue
    from provision_openstack.sdk import Cloud
    from provision_openstack.settings import Settings


def report(cloud: Cloud, catalogue: Catalogue, settings: Settings, wanted: Wanted) -> Report:
    """Return every finding on a cluster."""
    view = View(cloud, catalogue, settings, wanted)
    findings = Report(list(spec.findings(view)))
    findings.extend(access.findings(view))
    if view.project:
        findings.extend(asked(view, REMOTE, unreadable))
    return findings


REMOTE: dict[str, Callable[[View], Iterator[Diagnostic]]] = {
    "flavors": sizes.findings,
    "images": images.findings,
    "what the options name": existing.findings,
    "zones": existing.zones,
    "nova's quota": quota.compute,
    "neutron's quota": quota.network,
}
"""Checks that ask OpenStack, in the order in which they build on each other."""
