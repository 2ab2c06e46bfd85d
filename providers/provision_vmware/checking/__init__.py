"""The preflight: all that would stop `up`, found before anything is made, all at once. Only reads.

What needs no call comes first; when the server cannot be asked at all, the rest is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.providing.checking import asked
from provision_vmware.checking import images, places, privileges, server, space, spec
from provision_vmware.checking.view import View, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Wanted
    from provision_vmware.cloud import Cloud
    from provision_vmware.settings import Settings


def report(cloud: Cloud, settings: Settings, wanted: Wanted) -> Report:
    """Return every finding on a cluster."""
    view = View(cloud, settings, wanted)
    findings = Report(list(spec.findings(view)))
    findings.extend(server.findings(view))
    if view.reachable:
        findings.extend(asked(view, REMOTE, unreadable))
    return findings


REMOTE: dict[str, Callable[[View], Iterator[Diagnostic]]] = {
    "what the options name": places.findings,
    "images": images.findings,
    "room for disks": space.findings,
    "privileges": privileges.findings,
}
"""Checks that ask the server, in the order in which they build on each other."""
