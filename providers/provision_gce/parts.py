"""The shared things that a cluster's machines need on GCE, as requests. Pure.

Parts' names in the cluster hold a dot, which no machine's name may, so the two never meet. Their names on the platform
hold the cluster's uid: networks and firewall rules carry no labels, and a name is theirs alone in the project.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from provision.providing.parts import part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Labels, Request, Wanted
    from provision_gce.settings import Settings

PROVIDER = "gce"
NETWORK, SUBNETWORK, FIREWALL, DISK = "network", "subnetwork", "firewall", "disk"
KINDS = (NETWORK, SUBNETWORK, FIREWALL, DISK)
"""In the order in which they are made. The last is never asked for; it may be left over from a machine."""

DEFAULT = "10.99.0.0/16"
WITHIN, SSH, SSH6 = "within", "ssh", "ssh6"
"""Firewall rules: between the cluster's machines, and to port 22 from IPv4 and IPv6 networks, which no rule mixes."""

SERVICES = {NETWORK: "networks", SUBNETWORK: "subnetworks", FIREWALL: "firewalls", DISK: "disks"}

_part = partial(part, PROVIDER)


def part_name(kind: str, detail: str = "") -> str:
    """Return the name of a part, such as ``gce.firewall.ssh``."""
    return ".".join(filter(None, (PROVIDER, kind, detail)))


def platform_name(labels: Labels) -> str:
    """Return what a part is called on the platform, such as ``provision-UID-firewall-ssh``."""
    return f"provision-{labels.uid}-{labels.machine.removeprefix(f'{PROVIDER}.').replace('.', '-')}"


def tag(uid: str) -> str:
    """Return the network tag of a cluster's machines, of which its firewall rules speak."""
    return f"provision-{uid}"


def requests(wanted: Wanted, settings: Settings) -> list[Request]:
    """Return all parts, each after what it needs."""
    own = [] if settings.network else list(_network(wanted, settings))
    return own if settings.tags else [*own, *_rules(wanted, settings)]


def _network(wanted: Wanted, settings: Settings) -> Iterator[Request]:
    yield _part(wanted, NETWORK, part_name(NETWORK), {})
    body = {"cidr": wanted.subnet or DEFAULT, "region": settings.region}
    yield _part(wanted, SUBNETWORK, part_name(SUBNETWORK), body, part_name(NETWORK))


def _rules(wanted: Wanted, settings: Settings) -> Iterator[Request]:
    needs = () if settings.network else (part_name(NETWORK),)
    network = {"network": settings.network}
    yield _part(wanted, FIREWALL, part_name(FIREWALL, WITHIN), network, *needs)
    for detail, is_six in ((SSH, False), (SSH6, True)):
        # A rule without sources is one for the whole world, so there is none for nobody.
        if sources := [cidr for cidr in wanted.ssh_from if (":" in cidr) is is_six]:
            yield _part(wanted, FIREWALL, part_name(FIREWALL, detail), {**network, "ssh_from": sources}, *needs)
