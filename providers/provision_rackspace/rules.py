"""What can be told without asking Rackspace: payload sizes, names, labels, networks. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision_rackspace import labels, parts
from provision_rackspace.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Path
    from provision.model import MachineWanted, Wanted

OPTIONS: Path = ("providers", parts.PROVIDER)
PAYLOAD_LIMIT = 65_535
NAME = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
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
        yield Diagnostic("PV563", message, Severity.WARNING, ("ssh", "from"), hint=hint)


def _open_etcd(wanted: Wanted) -> Iterator[Diagnostic]:
    for machine in wanted.machines:
        own = Settings.read(machine.options)
        if machine.etcd and (own.public or own.servicenet):
            where: Path = ("pools", machine.pool, "options")
            nets = " and ".join(["PublicNet"] * own.public + ["ServiceNet"] * own.servicenet)
            message = f"{machine.name}: etcd's ports are open on {nets}, since Rackspace has no firewall"
            hint = "write `etcd: {tls: {keys: fetched}}`, or keep the pool off both (`public`, `servicenet`: false)"
            yield Diagnostic("PV563", message, Severity.WARNING, where, hint=hint)
            return


def error(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that stops `up`."""
    return Diagnostic(code, message, Severity.ERROR, path, hint=hint)


def _machine(machine: MachineWanted) -> Iterator[Diagnostic]:
    where: Path = ("pools", machine.pool)
    if machine.payload_size > PAYLOAD_LIMIT:
        message = (
            f"{machine.name}: its first-boot config may take {machine.payload_size:,} characters in base64; "
            f"nova's user data holds {PAYLOAD_LIMIT:,}"
        )
        hint = "shorten it, or let it fetch its larger files by URL with a hash"
        yield error("PV563", message, (*where, "config"), hint)
    if not re.fullmatch(NAME, machine.name):
        yield error("PV563", f"{machine.name!r} cannot be a machine's name", where)
    if machine.zones:
        message = f"{machine.name}: a region of Rackspace has no zones"
        yield error("PV563", message, (*where, "zones"), "leave `zones` out; `region` says where")


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
