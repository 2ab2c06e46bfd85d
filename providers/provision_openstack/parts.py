"""The shared things that a cluster's machines need on OpenStack, as requests. Pure.

Names hold a dot, which no machine's name may, so the two never meet.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from provision.providing.parts import part
from provision_openstack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import MachineWanted, Request, Wanted

PROVIDER = "openstack"
IMAGE, KEY, GROUP, SERVERS = "image", "key-pair", "security-group", "server-group"
NETWORK, SUBNET, ROUTER, FLOATING = "network", "subnet", "router", "floating-ip"
KINDS = (IMAGE, KEY, SERVERS, NETWORK, SUBNET, ROUTER, GROUP, FLOATING)
"""In the order in which they are made."""

DEFAULT_SUBNET = "10.99.0.0/16"
DIGEST = 12
"""Hex digits of an image's digest in its part's name."""

_part = partial(part, PROVIDER)


def part_name(kind: str, detail: str = "") -> str:
    """Return the name of a part, such as ``openstack.floating-ip.web-core-1``."""
    return ".".join(filter(None, (PROVIDER, kind, detail)))


def is_upload(image: str) -> bool:
    """Tell whether an image is one to upload: a URL with a digest behind it."""
    return image.startswith(("http://", "https://"))


def image_part(image: str) -> str:
    """Return the name of the part that is an uploaded image."""
    return part_name(IMAGE, image.rpartition("=")[2][:DIGEST])


def image_of(machine: MachineWanted) -> str:
    """Return what a machine's image is called; "" when the spec names none."""
    return machine.image or Settings.read(machine.options).image


def requests(wanted: Wanted, settings: Settings) -> list[Request]:
    """Return all parts, each after what it needs."""
    own = [] if settings.network else list(_network(wanted, settings))
    group = [] if settings.security_groups else [_group(wanted)]
    routed = tuple(r.name for r in own if r.kind == ROUTER)
    return [
        *_images(wanted),
        *_key(wanted, settings),
        *_server_groups(wanted),
        *own,
        *group,
        *_floating(wanted, settings, routed),
    ]


def _images(wanted: Wanted) -> Iterator[Request]:
    for image in dict.fromkeys(filter(is_upload, map(image_of, wanted.machines))):
        yield _part(wanted, IMAGE, image_part(image), {"source": image})


def _key(wanted: Wanted, settings: Settings) -> Iterator[Request]:
    if wanted.ssh_keys and not settings.key_name:
        # Nova keeps one key of a pair; the first-boot config brings the others.
        yield _part(wanted, KEY, part_name(KEY), {"public_key": wanted.ssh_keys[0]})


def _server_groups(wanted: Wanted) -> Iterator[Request]:
    groups = {g.name: g.policy for g in (Settings.read(m.options).server_group for m in wanted.machines) if g}
    for name, policy in groups.items():
        yield _part(wanted, SERVERS, part_name(SERVERS, name), {"group": name, "policy": policy})


def pool(network: IPv4Network) -> tuple[str, str]:
    """Return the first and last address that neutron may give away by itself: the upper half.

    Neutron picks at random, for its own DHCP agents too, and must not pick what is planned.
    """
    return str(network[network.num_addresses // 2]), str(network[-2])


def _network(wanted: Wanted, settings: Settings) -> Iterator[Request]:
    network, subnet = part_name(NETWORK), part_name(SUBNET)
    cidr = wanted.subnet or DEFAULT_SUBNET
    range_ = {"cidr": cidr, "pool": list(pool(IPv4Network(cidr))), "nameservers": list(settings.nameservers)}
    yield _part(wanted, NETWORK, network, {})
    yield _part(wanted, SUBNET, subnet, range_, network)
    if settings.router:
        yield _part(wanted, ROUTER, part_name(ROUTER), {"external": settings.external_network}, subnet)


def _group(wanted: Wanted) -> Request:
    return _part(wanted, GROUP, part_name(GROUP), {"ssh_from": list(wanted.ssh_from)})


def _floating(wanted: Wanted, settings: Settings, routed: tuple[str, ...]) -> Iterator[Request]:
    for machine in wanted.machines:
        if Settings.read(machine.options).floating_ip:
            body = {"external": settings.external_network, "machine": machine.name, "after_machines": True}
            yield _part(wanted, FLOATING, part_name(FLOATING, machine.name), body, machine.name, *routed)
