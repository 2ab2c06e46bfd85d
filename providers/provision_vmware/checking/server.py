"""Whether the server can be reached, trusted and logged in to, and is of the kind that the options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error
from provision_vmware.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_vmware.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Log in; sets `view.reachable`."""
    try:
        vcenter = view.cloud.session.is_vcenter
    except ProviderError as problem:
        message = f"{view.settings.server} cannot be used: {problem.message}"
        yield error("PV565", message, (*OPTIONS, "server"), problem.hint)
        return
    if vcenter is view.settings.esxi:
        about = view.cloud.session.content.about.fullName
        hint = "leave `esxi` out" if vcenter else "write `esxi: true`; the how-to tells what a host cannot do"
        yield error("PV566", f"{view.settings.server} is {about}", (*OPTIONS, "esxi"), hint)
        return
    view.reachable = True
