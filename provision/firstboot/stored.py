"""Whether a machine can fetch a body from the store that the spec names. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.firstboot.nodeconfig import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.firstboot.recipe import Recipe
    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine

GS_FROM = (3, 2)
"""The first spec that knows gs://: https://coreos.github.io/ignition/configuration-v3_2/"""


def unreachable(machine: Machine, cluster: Cluster, recipe: Recipe, traits: Mapping[str, Traits]) -> Report:
    """Return why a machine whose body goes to the store could not fetch it (PV426), or who else could (PV427)."""
    report = Report()
    payloads = cluster.payloads
    if payloads is None:
        return report
    if payloads.scheme == "serve" and not payloads.url and not cluster.host(traits[machine.provider].host_address):
        message = f"{machine.name}: machines of {machine.provider} cannot reach this computer, which serves the body"
        hint = "write the boot service's address as `payloads.url`, or take another store"
        report.error("PV426", message, path=("payloads", "store"), hint=hint)
    if payloads.scheme == "gs" and payloads.fetch == "role" and number(recipe.spec_version)[:2] < GS_FROM:
        message = f"{machine.name}: Ignition {recipe.spec_version} does not know gs://"
        report.error("PV426", message, path=("payloads", "fetch"), hint="take `fetch: signed`")
    if payloads.store.startswith("http://"):
        message = f"the body of {machine.name} travels unencrypted, to the store and from it"
        report.warning("PV427", message, path=("payloads", "store"), hint="take https")
    return report
