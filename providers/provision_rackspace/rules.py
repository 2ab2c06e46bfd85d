"""What can be told without asking Rackspace: payload sizes, names, labels, networks. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from provision.providing import checking
from provision.providing.checking import error, warning, where
from provision_rackspace import labels, parts
from provision_rackspace.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic, Path
    from provision.model import MachineWanted, Wanted

OPTIONS: Path = ("providers", parts.PROVIDER)
PAYLOAD_LIMIT = 65_535
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
GATEWAYS = 2
"""Addresses that a cloud network keeps for itself beside network and broadcast."""


def findings(wanted: Wanted, settings: Settings) -> Iterator[Diagnostic]:
    """Check what the spec says by itself."""
    for machine in wanted.machines:
        yield from _machine(machine)
    yield from _labels(wanted)
    if not settings.network:
        yield from _subnet(wanted)
    yield from _open_etcd(wanted)
    if {*wanted.ssh_from} - {"0.0.0.0/0"} and any(Settings.read(m.options).public for m in wanted.machines):
        message = "Rackspace has no firewall: `ssh.from` is not kept there, every port is open on PublicNet"
        hint = "filter in the first-boot config, keep pools off it (`public: false`), or write `from: [0.0.0.0/0]`"
        yield warning("PV563", message, ("ssh", "from"), hint)


def _open_etcd(wanted: Wanted) -> Iterator[Diagnostic]:
    for machine in wanted.machines:
        own = Settings.read(machine.options)
        if machine.etcd and (own.public or own.servicenet):
            nets = " and ".join(["PublicNet"] * own.public + ["ServiceNet"] * own.servicenet)
            message = f"{machine.name}: etcd's ports are open on {nets}, since Rackspace has no firewall"
            hint = "write `etcd: {tls: {keys: fetched}}`, or keep the pool off both (`public`, `servicenet`: false)"
            yield warning("PV563", message, where(machine, "options"), hint)
            return


def _machine(machine: MachineWanted) -> Iterator[Diagnostic]:
    yield from checking.payload("PV563", machine, PAYLOAD_LIMIT, "characters in base64", "nova's user data")
    yield from checking.named("PV563", machine, "a machine")
    if machine.zones:
        message = f"{machine.name}: a region of Rackspace has no zones"
        yield error("PV563", message, where(machine, "zones"), "leave `zones` out; `region` says where")


def _labels(wanted: Wanted) -> Iterator[Diagnostic]:
    for key, value in wanted.labels.to_dict().items():
        if len(value) > labels.LIMIT:
            message = f"the label {key} has {len(value)} characters; nova's metadata holds {labels.LIMIT}"
            yield error("PV563", message, (key,))


def _subnet(wanted: Wanted) -> Iterator[Diagnostic]:
    network = IPv4Network(wanted.subnet or parts.DEFAULT_SUBNET)
    if not any(network.subnet_of(private) for private in PRIVATE):
        message = f"{network} is not a range for private networks"
        yield error("PV563", message, ("network", "subnet"), "take one of 10/8, 172.16/12 or 192.168/16")
    room = network.num_addresses - 2 - GATEWAYS
    if room < len(wanted.machines):
        message = f"{network} has no room for {len(wanted.machines)} machines"
        yield error("PV563", message, ("network", "subnet"), "take a larger one")
