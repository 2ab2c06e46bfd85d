"""Machines to make: from requests to the parameters of RunInstances. Pure.

Parameters: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import launches as together
from provision_ec2 import parts, tags
from provision_ec2.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Json, Request
    from provision.providing.launches import Launch

NEVER = "never"
TAGGED = ("instance", "volume", "network-interface")


def launches(batch: Sequence[Request]) -> Iterator[Launch]:
    """Put requests that one call can serve together.

    A machine with an address of its own goes alone, since PrivateIpAddress is for one machine.
    """
    return together.launches(batch, _likeness)


def parameters(launch: Launch, subnet: str) -> Json:
    """Return the parameters of the call, the same ones whenever the same requests come again."""
    request, settings = launch.first, Settings.read(launch.first.body.get("options", {}))
    marks = tags.written([each.labels for each in launch.requests], protected=request.protect)
    kinds = (*TAGGED, "spot-instances-request") if settings.spot else TAGGED
    wanted: Json = {
        "ClientToken": launch.token,
        "ImageId": image(request, settings),
        "InstanceType": request.body["size"],
        "MinCount": len(launch.requests),
        "MaxCount": len(launch.requests),
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required"},
        "InstanceInitiatedShutdownBehavior": _on_shutdown(request, settings),
        "NetworkInterfaces": [_interface(request, settings, subnet)],
        "TagSpecifications": tags.specification(kinds, marks),
    }
    return wanted | {key: value for key, value in _choices(request, settings) if value}


def image(request: Request, settings: Settings) -> str:
    """Return the AMI id of a request.

    Raises:
        ProviderError: it holds an alias, which means another image each time it is looked up.
    """
    name: str = request.body.get("image") or settings.image
    if not name.startswith("ami-"):
        raise ProviderError(
            f"{request.name}: the image {name!r} is not an AMI id",
            kind=Kind.INVALID,
            code="ImageNotPinned",
            hint="`provision lock --update` looks the alias up and pins it in cluster.lock",
        )
    return name


def input_ids(request: Request, kind: str, output: str = "id") -> list[str]:
    """Return what parts of one kind gave to a request."""
    prefix = parts.part_name(kind)
    return [
        given[output]
        for name, given in sorted(request.inputs.items())
        if name == prefix or name.startswith(f"{prefix}.")
    ]


def _choices(request: Request, settings: Settings) -> Iterator[tuple[str, object]]:
    yield "UserData", request.payload
    yield "KeyName", settings.key_name or next(iter(input_ids(request, parts.KEY, "key_name")), "")
    yield "Placement", {"AvailabilityZone": request.zone} if request.zone else None
    yield "DisableApiTermination", request.protect
    profile = settings.instance_profile
    yield "IamInstanceProfile", {"Arn" if profile.startswith("arn:") else "Name": profile} if profile else None
    yield "BlockDeviceMappings", _root(settings)
    if settings.spot:
        once = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        yield "InstanceMarketOptions", {"MarketType": "spot", "SpotOptions": once}


def _on_shutdown(request: Request, settings: Settings) -> str:
    # One-time spot machines cannot be stopped, and a machine past its deadline must not go on costing.
    return "stop" if request.labels.expires == NEVER and not settings.spot else "terminate"


def _interface(request: Request, settings: Settings, subnet: str) -> Json:
    address = request.body.get("address", "")
    return {
        "DeviceIndex": 0,
        "SubnetId": subnet,
        "Groups": list(settings.security_groups) or input_ids(request, parts.GROUP),
        "AssociatePublicIpAddress": settings.associate_public_ip,
        "DeleteOnTermination": True,
        **({"PrivateIpAddress": address} if address else {}),
    }


def _root(settings: Settings) -> list[Json]:
    root = settings.root_volume
    chosen = {"VolumeType": root.type, "VolumeSize": root.size_gib, "Encrypted": root.encrypted}
    ebs = {key: value for key, value in chosen.items() if value is not None}
    return [{"DeviceName": root.device, "Ebs": {**ebs, "DeleteOnTermination": True}}] if ebs else []


def _likeness(request: Request) -> str:
    """Return a text that is the same for requests that one call can serve."""
    alone = request.name if request.body.get("address") else ""
    labels = tags.shared(request.labels).to_dict()
    inputs = {name: dict(given) for name, given in request.inputs.items()}
    return json.dumps([alone, request.zone, request.protect, labels, request.body, inputs, request.payload])
