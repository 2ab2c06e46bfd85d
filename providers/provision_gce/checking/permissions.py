"""Whether these credentials may do what `up` and `down` will ask for.

Compute Engine has no dry runs; what it can tell of permissions, it tells of a thing that exists. So an existing
network's rights are asked for; those to make machines show at the first machine, which fails before it costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.providing.checking import error
from provision_gce.checking.existing import place
from provision_gce.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_gce.checking.view import View

USE = ("compute.subnetworks.use", "compute.subnetworks.useExternalIp")


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the right to use an existing subnetwork."""
    settings = view.settings
    if not settings.subnetwork:
        return
    external = any(view.options(machine).associate_public_ip for machine in view.wanted.machines)
    needed = USE if external else USE[:1]
    where = place("subnetwork", settings.subnetwork, settings.region)
    resource = where.pop("subnetwork")
    answer = view.cloud.call(
        "subnetworks.testIamPermissions", resource=resource, body={"permissions": list(needed)}, **where
    )
    if missing := [name for name in needed if name not in answer.get("permissions", [])]:
        message = f"not permitted on the subnetwork {settings.subnetwork}: {', '.join(missing)}"
        yield error("PV548", message, (*OPTIONS, "network"), "grant the role Compute Network User on it")
