"""Who we are, and whether the region can be asked and has the zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing.checking import error
from provision_ec2 import network
from provision_ec2.checking.view import OPTIONS, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_ec2.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check credentials, region and zones; sets `view.reachable`."""
    try:
        view.cloud.call("get_caller_identity", service="sts")
    except ProviderError as problem:
        if problem.kind is Kind.AUTH:
            yield error("PV520", f"AWS does not take the credentials: {problem.message}", OPTIONS, problem.hint)
            return
        yield unreadable("whose credentials these are", problem)
    try:
        zones = view.cloud.call("describe_availability_zones")["AvailabilityZones"]
    except ProviderError as problem:
        code = "PV534" if problem.code == "UnauthorizedOperation" else "PV521"
        message = f"region {view.settings.region} cannot be used: {problem.message}"
        yield error(code, message, (*OPTIONS, "region"), problem.hint)
        return
    view.reachable = True
    names = [zone["ZoneName"] for zone in zones if zone.get("State", "available") == "available"]
    for wanted in filter(None, network.zones_of(view.wanted)):
        if wanted not in names:
            hint = f"there are: {', '.join(names)}"
            yield error("PV522", f"there is no zone {wanted!r} in {view.settings.region}", ("pools",), hint)
