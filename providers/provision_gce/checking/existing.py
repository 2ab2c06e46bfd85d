"""Whether the network that the options name exists and fits the cluster."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing.checking import error
from provision_gce.checking.spec import assignable
from provision_gce.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json
    from provision_gce.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what was there before the cluster."""
    settings, path = view.settings, (*OPTIONS, "network")
    if not settings.network:
        return
    found = {}
    for kind, name in (("network", settings.network), ("subnetwork", settings.subnetwork)):
        try:
            found[kind] = view.cloud.call(f"{kind}s.get", **place(kind, name, settings.region))
        except ProviderError as problem:
            if problem.kind is not Kind.NOT_FOUND:
                raise
            region = f" in {settings.region}" if kind == "subnetwork" else ""
            yield error("PV545", f"there is no {kind} {name}{region}", (*path, "name" if kind == "network" else kind))
    if len(found) == 2:
        yield from _fits(view, found["network"], found["subnetwork"])


def place(kind: str, name: str, region: str) -> dict[str, str]:
    """Return the parameters for a name, or for the path of another project's."""
    where = {kind: name.rpartition("/")[2]} | ({"region": region} if kind == "subnetwork" else {})
    if path := re.match(r"projects/([^/]+)/(?:global|regions/([^/]+))/", name):
        where["project"] = path[1]
        if path[2]:
            where["region"] = path[2]
    return where


def _fits(view: View, network: Json, subnetwork: Json) -> Iterator[Diagnostic]:
    settings, path = view.settings, (*OPTIONS, "network", "subnetwork")
    if _tail(subnetwork["network"]) != _tail(network["selfLink"]):
        of = subnetwork["network"].rpartition("/")[2]
        yield error("PV545", f"the subnetwork {settings.subnetwork} is of {of}, not of {settings.network}", path)
    if (region := subnetwork["region"].rpartition("/")[2]) != settings.region:
        yield error("PV545", f"the subnetwork {settings.subnetwork} is in {region}, not in {settings.region}", path)
    block = IPv4Network(subnetwork["ipCidrRange"])
    for machine in view.wanted.machines:
        if machine.address and not assignable(machine.address, block):
            message = f"{machine.name}: the address {machine.address} is not free to use in {block}"
            yield error("PV545", message, ("machines", machine.name, "address"))


def _tail(url: str) -> str:
    return url.partition("/projects/")[2]
