"""What can be told without asking OpenStack: payload sizes, names, labels, addresses, settings that disagree. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from provision.providing.checking import error, named, payload, where
from provision_openstack import labels, parts
from provision_openstack.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_openstack.checking.view import View

PAYLOAD_LIMIT = 65_535
SMALLEST = 16
DHCP_PORTS = 3
"""Addresses that neutron's DHCP agents may take, one each."""


def findings(view: View) -> Iterator[Diagnostic]:
    """Check what the spec says by itself."""
    yield from _machines(view)
    yield from _labels(view)
    yield from _groups(view)
    if not view.settings.network:
        yield from _addresses(view)


def _machines(view: View) -> Iterator[Diagnostic]:
    for machine in view.wanted.machines:
        yield from payload("PV558", machine, PAYLOAD_LIMIT, "characters in base64", "nova's user data")
        yield from named("PV558", machine, "a machine")


def _labels(view: View) -> Iterator[Diagnostic]:
    for key, value in view.wanted.labels.to_dict().items():
        if len(value) > labels.LIMIT:
            message = f"the label {key} has {len(value)} characters; nova's metadata holds {labels.LIMIT}"
            yield error("PV558", message, (key,))
            return
    for part in parts.requests(view.wanted, view.settings):
        size = len(labels.description(part.labels))
        if size > labels.LIMIT:
            message = f"the labels of {part.name} take {size} characters; neutron's descriptions hold {labels.LIMIT}"
            yield error("PV558", message, ("owner",), "shorten `owner`, or the cluster's name")
            return


def _groups(view: View) -> Iterator[Diagnostic]:
    policies: dict[str, str] = {}
    for machine in view.wanted.machines:
        group = view.options(machine).server_group
        if group and policies.setdefault(group.name, group.policy) != group.policy:
            message = f"the server group {group.name} is to be both {policies[group.name]} and {group.policy}"
            yield error("PV558", message, where(machine, "options", "server_group"), "give each policy its own name")
            return
    if view.settings.network and not view.settings.router:
        yield error("PV558", "`router: false` is for a network of the cluster's own", (*OPTIONS, "router"))


def _addresses(view: View) -> Iterator[Diagnostic]:
    network = IPv4Network(view.wanted.subnet or parts.DEFAULT_SUBNET)
    if network.num_addresses < SMALLEST:
        message = f"{network} is too small: half of it is planned, half neutron's to give"
        yield error("PV554", message, ("network", "subnet"), "take a /28 or larger")
        return
    first, last = map(IPv4Address, parts.pool(network))
    for machine in view.wanted.machines:
        if machine.address and not network[1] < IPv4Address(machine.address) < first:
            message = f"{machine.name}: the address {machine.address} cannot be planned in {network}"
            hint = f"take one from {network[2]} to {first - 1}; neutron gives the others to whom it likes"
            yield error("PV554", message, ("machines", machine.name, "address"), hint)
    given = sum(1 for machine in view.wanted.machines if not machine.address)
    if given > int(last) - int(first) + 1 - DHCP_PORTS:
        message = f"{network} has no room for {given} machines without planned addresses beside neutron's own"
        yield error("PV554", message, ("network", "subnet"), "take a larger one")
