"""Machines to make: from requests to the body of POST /servers. Pure.

https://docs.openstack.org/api-ref/compute/#create-server and #create-multiple-servers
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import launches as together
from provision_openstack import labels, parts
from provision_openstack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Json, Request
    from provision.providing.launches import Launch


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of what a launch names."""

    flavor: str
    image: str
    network: str


def launches(batch: Sequence[Request]) -> Iterator[Launch]:
    """Put requests that one call can serve together.

    A machine with an address of its own goes alone, since a fixed address is for one machine.
    """
    return together.launches(batch, _likeness)


def body(launch: Launch, found: Found) -> Json:
    """Return the body of the call, the same one whenever the same requests come again."""
    request, settings = launch.first, Settings.read(launch.first.body.get("options", {}))
    server = {
        "name": name(launch),
        "flavorRef": found.flavor,
        "networks": [_interface(request, found.network)],
        "security_groups": [{"name": group} for group in _groups(request, settings)],
        "metadata": labels.metadata([r.labels for r in launch.requests], launch.token, protected=request.protect),
        "config_drive": settings.config_drive,
        **_disk(settings, found.image),
        **{key: value for key, value in _choices(request, settings) if value},
        **_count(len(launch.requests)),
    }
    apart = settings.server_group
    group = input_of(request, parts.part_name(parts.SERVERS, apart.name)) if apart else ""
    return {"server": server, **({"os:scheduler_hints": {"group": group}} if group else {})}


def name(launch: Launch) -> str:
    """Return the server's name; in a batch nova writes a number behind it, so it names the batch."""
    if len(launch.requests) == 1:
        return launch.first.name
    return f"{launch.first.labels.cluster}-{launch.token.partition('-')[0]}"


def input_of(request: Request, part: str, output: str = "id") -> str:
    """Return what a part gave to a request, "" when it needs no such part."""
    return str(request.inputs.get(part, {}).get(output, ""))


def image(request: Request, settings: Settings) -> str:
    """Return the id or URL of a request's image.

    Raises:
        ProviderError: it is a name, which may mean another image each time it is looked up.
    """
    given: str = request.body.get("image") or settings.image
    if parts.is_upload(given):
        return input_of(request, parts.image_part(given))
    if not is_id(given):
        raise ProviderError(
            f"{request.name}: the image {given!r} is not an image's id",
            kind=Kind.INVALID,
            code="ImageNotPinned",
            hint="`provision lock --update` looks the name up and pins its id in cluster.lock",
        )
    return given


def is_id(text: str) -> bool:
    """Tell whether a text is a UUID, as OpenStack's ids are, with dashes or without."""
    plain = text.replace("-", "")
    return len(plain) == 32 and all(c in "0123456789abcdef" for c in plain.lower())


def _interface(request: Request, network: str) -> Json:
    address = request.body.get("address", "")
    return {"uuid": network, **({"fixed_ip": address} if address else {})}


def _groups(request: Request, settings: Settings) -> list[str]:
    own = input_of(request, parts.part_name(parts.GROUP))
    return list(settings.security_groups) or [own] * bool(own)


def _disk(settings: Settings, image: str) -> Json:
    if settings.volume is None:
        return {"imageRef": image}
    root = {
        "boot_index": 0,
        "uuid": image,
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": settings.volume.size_gib,
        "delete_on_termination": True,
        **({"volume_type": settings.volume.type} if settings.volume.type else {}),
    }
    return {"block_device_mapping_v2": [root]}


def _choices(request: Request, settings: Settings) -> Iterator[tuple[str, object]]:
    yield "user_data", request.payload  # encoded already: see the provider's traits
    yield "key_name", settings.key_name or input_of(request, parts.part_name(parts.KEY), "key_name")
    yield "availability_zone", request.zone


def _count(count: int) -> Json:
    return {"min_count": count, "max_count": count, "return_reservation_id": True} if count > 1 else {}


def _likeness(request: Request) -> str:
    """Return a text that is the same for requests that one call can serve."""
    alone = request.name if request.body.get("address") else ""
    marks = labels.shared(request.labels).to_dict()
    inputs = {name: dict(given) for name, given in sorted(request.inputs.items())}
    wanted = [alone, request.zone, request.protect, marks, request.body, inputs, request.payload]
    return json.dumps(wanted, sort_keys=True)
