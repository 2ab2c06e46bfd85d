"""The shared things that a cluster's machines need on EC2, as requests. Pure.

Names hold a dot, which no machine's name may, so the two never meet.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from provision.providing.parts import part
from provision_ec2 import network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Request, Wanted
    from provision_ec2.settings import Settings

PROVIDER = "ec2"
VPC, GATEWAY, ROUTES, SUBNET = "vpc", "internet-gateway", "route-table", "subnet"
GROUP, KEY = "security-group", "key-pair"
INTERFACE, VOLUME = "network-interface", "volume"
KINDS = (VPC, GATEWAY, ROUTES, SUBNET, GROUP, KEY, INTERFACE, VOLUME)
"""In the order in which they are made. The last two are never asked for; they may be left over from machines."""

KEY_TYPES = ("ssh-ed25519 ", "ssh-rsa ")
"""What ImportKeyPair takes (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-key-pairs.html)."""

_part = partial(part, PROVIDER)


def part_name(kind: str, detail: str = "") -> str:
    """Return the name of a part, such as ``ec2.subnet.eu-central-1a``."""
    return ".".join(filter(None, (PROVIDER, kind, detail)))


def requests(wanted: Wanted, settings: Settings) -> list[Request]:
    """Return all parts, each after what it needs."""
    own = [] if settings.vpc else list(_network(wanted))
    group = [] if settings.security_groups else [_group(wanted, settings)]
    return [*own, *group, *_key(wanted, settings)]


def importable(wanted: Wanted) -> str | None:
    """Return the first of the spec's ssh keys that EC2 can import; the first-boot config brings the others."""
    return next((key for key in wanted.ssh_keys if key.startswith(KEY_TYPES)), None)


def _network(wanted: Wanted) -> Iterator[Request]:
    cidr = wanted.subnet or network.DEFAULT
    vpc, gateway, routes = part_name(VPC), part_name(GATEWAY), part_name(ROUTES)
    yield _part(wanted, VPC, vpc, {"cidr": cidr})
    yield _part(wanted, GATEWAY, gateway, {}, vpc)
    yield _part(wanted, ROUTES, routes, {}, vpc, gateway)
    for zone, block in _cut(wanted, cidr):
        yield _part(wanted, SUBNET, part_name(SUBNET, zone), {"cidr": block, "zone": zone}, vpc, routes)


def _cut(wanted: Wanted, cidr: str) -> list[tuple[str, str]]:
    try:
        return [(zone, str(block)) for zone, block in network.blocks(cidr, network.zones_of(wanted)).items()]
    except ValueError:
        return []  # `check` says why


def _group(wanted: Wanted, settings: Settings) -> Request:
    body = {"vpc": settings.vpc, "ssh_from": list(wanted.ssh_from)}
    needs = () if settings.vpc else (part_name(VPC),)
    return _part(wanted, GROUP, part_name(GROUP), body, *needs)


def _key(wanted: Wanted, settings: Settings) -> Iterator[Request]:
    material = importable(wanted)
    if material and not settings.key_name:
        # The name is unique in the region, so that a repeated import is refused instead of done twice.
        yield _part(wanted, KEY, part_name(KEY), {"key_name": key_name(wanted), "public_key": material})


def key_name(wanted: Wanted) -> str:
    """Return the name of the cluster's own key pair."""
    return f"provision-{wanted.cluster}-{wanted.uid}"
