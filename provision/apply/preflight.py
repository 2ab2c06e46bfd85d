"""What stands in the way of a plan, asked of every provider before anything is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Wanted
    from provision.provider import Provider


def preflight(providers: Mapping[str, Provider], wanted: Mapping[str, Wanted]) -> Report:
    """Ask each provider what would stop it; return the warnings.

    Raises:
        Refused: there are errors; its report holds every finding of all providers.
    """
    report = Report()
    for name, ask in wanted.items():
        report.extend(providers[name].check(ask))
    if not report.ok:
        raise Refused(report)
    return report
