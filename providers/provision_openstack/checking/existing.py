"""Whether what the options and zones name exists: networks, security groups, a key pair."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote

from provision.errors import Kind, ProviderError
from provision.providing.checking import error
from provision_openstack.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic, Path
    from provision_openstack.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what the options name."""
    settings = view.settings
    if settings.network:
        yield from _told("PV554", ("network", "name"), lambda: view.catalogue.network(settings.network))
        yield from _addresses(view)
    routed = not settings.network and settings.router
    if routed or any(view.options(m).floating_ip for m in view.wanted.machines):
        yield from _told("PV554", ("external_network",), lambda: view.catalogue.external(settings.external_network))
    for group in settings.security_groups:
        path = f"/security-groups/{quote(group, safe='')}"
        yield from _told("PV555", ("security_groups",), partial(view.cloud.call, "network", "GET", path))
    if settings.key_name:
        path = f"/os-keypairs/{quote(settings.key_name, safe='')}"
        yield from _told("PV555", ("key_name",), partial(view.cloud.call, "compute", "GET", path))


def zones(view: View) -> Iterator[Diagnostic]:
    """Check the zones that machines may go to."""
    wanted = list(dict.fromkeys(zone for machine in view.wanted.machines for zone in machine.zones))
    if not wanted:
        return
    answer = view.cloud.call("compute", "GET", "/os-availability-zone")
    names = [z["zoneName"] for z in answer.get("availabilityZoneInfo", []) if z["zoneState"]["available"]]
    for zone in wanted:
        if zone not in names:
            yield error("PV557", f"there is no zone {zone!r}", ("pools",), f"there are: {', '.join(names)}")


def _addresses(view: View) -> Iterator[Diagnostic]:
    addresses = {m.name: m.address for m in view.wanted.machines if m.address}
    if not addresses:
        return
    network = view.catalogue.network(view.settings.network)["id"]
    subnets = [ip_network(s["cidr"]) for s in view.cloud.pages("network", "/subnets", "subnets", network_id=network)]
    for name, address in addresses.items():
        if not any(ip_address(address) in subnet for subnet in subnets):
            hint = f"its subnets are {', '.join(map(str, subnets))}" if subnets else "it has no subnet"
            message = f"{name}: the address {address} is in no subnet of the network {view.settings.network}"
            yield error("PV554", message, ("machines", name, "address"), hint)


def _told(code: str, path: Path, look: Callable[[], object]) -> Iterator[Diagnostic]:
    try:
        look()
    except ProviderError as problem:
        if problem.kind not in (Kind.NOT_FOUND, Kind.INVALID):
            raise
        yield error(code, problem.message, (*OPTIONS, *path), problem.hint)
