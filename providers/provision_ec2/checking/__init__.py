"""The preflight: all that would stop `up`, found before anything is made, all at once. Only reads and dry runs.

What needs no call comes first; when the account cannot be asked at all, the rest is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.providing.checking import asked
from provision_ec2.checking import account, existing, images, permissions, quota, sizes, spec
from provision_ec2.checking.view import View, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Wanted
    from provision.provider import Context
    from provision_ec2.sdk import Cloud
    from provision_ec2.settings import Settings


def report(cloud: Cloud, settings: Settings, context: Context, wanted: Wanted) -> Report:
    """Return every finding on a cluster."""
    view = View(cloud, settings, context, wanted)
    findings = Report(list(spec.findings(view)))
    findings.extend(account.findings(view))
    if view.reachable:
        findings.extend(asked(view, REMOTE, unreadable))
    return findings


REMOTE: dict[str, Callable[[View], Iterator[Diagnostic]]] = {
    "images": images.findings,
    "sizes": sizes.findings,
    "quota": quota.findings,
    "what the options name": existing.findings,
    "permissions": permissions.findings,
}
"""Checks that ask AWS, in the order in which they build on each other."""
