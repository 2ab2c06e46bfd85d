"""From requests to the JSON that GCE makes things of. Pure.

Fields: https://cloud.google.com/compute/docs/reference/rest/v1/instances, and …/networks, …/subnetworks, …/firewalls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import launches as grouping
from provision_gce import deadlines, labels, parts
from provision_gce.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from provision.model import Json, Request

USER_DATA = "user-data"
ALL = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Launch(grouping.Launch):
    """Machines that one call makes: all alike but for their names."""

    now: datetime
    extendable_hours: int = 0


def launches(batch: Sequence[Request], now: datetime, extendable_hours: int = 0) -> Iterator[Launch]:
    """Put requests that one bulkInsert can serve together.

    Addresses and deletion protection are no properties of a bulkInsert, so machines with either go alone.
    """
    for group in grouping.alike(batch, _likeness):
        group.sort(key=lambda request: request.name)
        yield Launch(tuple(group), grouping.token(group, batch), now, extendable_hours)


def alone(launch: Launch, request: Request) -> Json:
    """Return the body of instances.insert for one machine of a launch."""
    shared = _properties(launch, request)
    for disk in shared["disks"]:
        if "diskType" in disk["initializeParams"]:
            kind = disk["initializeParams"]["diskType"]
            disk["initializeParams"]["diskType"] = f"zones/{request.zone}/diskTypes/{kind}"
    return {
        **shared,
        "name": request.name,
        "machineType": f"zones/{request.zone}/machineTypes/{request.body['size']}",
        "deletionProtection": request.protect,
    }


def together(launch: Launch) -> Json:
    """Return the body of instances.bulkInsert: all of the machines or none, each under its own name."""
    first = launch.first
    count = str(len(launch.requests))
    return {
        "count": count,
        "minCount": count,
        "perInstanceProperties": {request.name: {} for request in launch.requests},
        "instanceProperties": {
            **_properties(launch, first),
            "machineType": str(first.body["size"]),
        },
    }


def image(request: Request, settings: Settings) -> str:
    """Return the image of a request.

    Raises:
        ProviderError: it holds an alias or a family, which means another image each time it is looked up.
    """
    name: str = request.body.get("image") or settings.image
    if not name.startswith("projects/") or "/family/" in name:
        raise ProviderError(
            f"{request.name}: the image {name!r} is not one image",
            kind=Kind.INVALID,
            code="ImageNotPinned",
            hint="`provision lock --update` looks the alias up and pins it in cluster.lock",
        )
    return name


def network(request: Request) -> Json:
    """Return the body of networks.insert: a network without subnetworks of Google's making."""
    return {**_named(request), "autoCreateSubnetworks": False, "routingConfig": {"routingMode": "REGIONAL"}}


def subnetwork(request: Request) -> Json:
    """Return the body of subnetworks.insert."""
    cidr = request.body["cidr"]
    return {**_named(request), "network": _network(request), "ipCidrRange": cidr, "privateIpGoogleAccess": True}


def firewall(request: Request) -> Json:
    """Return the body of firewalls.insert.

    The cluster's machines reach each other at every port, etcd's 2379 and 2380 among them; nobody else gets to these:
    a network refuses what no rule allows (https://cloud.google.com/firewall/docs/firewalls#default_firewall_rules).
    """
    tag = parts.tag(request.labels.uid)
    rule: Json = {**_named(request), "network": _network(request), "direction": "INGRESS", "targetTags": [tag]}
    if "ssh_from" in request.body:
        return {**rule, "sourceRanges": request.body["ssh_from"], "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}
    return {**rule, "sourceTags": [tag], "allowed": [{"IPProtocol": "all"}]}


def _named(request: Request) -> Json:
    return {"name": parts.platform_name(request.labels), "description": labels.described(request.labels)}


def _properties(launch: Launch, request: Request) -> Json:
    """Return what instances.insert and instances.bulkInsert say in the same way."""
    settings = replace(Settings.read(request.body.get("options", {})), extendable_hours=launch.extendable_hours)
    account = settings.service_account
    marks = labels.written(request.labels, launch.token)
    return {
        "description": f"Machine of cluster {request.labels.cluster}, made by provision",
        "labels": marks,
        "tags": {"items": list(settings.tags) or [parts.tag(request.labels.uid)]},
        "metadata": {"items": _metadata(request)},
        "disks": [_disk(request, settings, marks)],
        "networkInterfaces": [_interface(request, settings)],
        "scheduling": deadlines.scheduling(request.labels, settings, launch.now),
        **({"serviceAccounts": [{"email": account.email, "scopes": list(account.scopes)}]} if account.email else {}),
    }


def _metadata(request: Request) -> list[Json]:
    # Only the spec's keys open a machine, not those of everybody who may log in to the project's others.
    closed = {"key": "block-project-ssh-keys", "value": "TRUE"}
    return [closed, {"key": USER_DATA, "value": request.payload}] if request.payload else [closed]


def _disk(request: Request, settings: Settings, marks: dict[str, str]) -> Json:
    chosen = settings.boot_disk
    made: Json = {"sourceImage": image(request, settings), "labels": marks}
    if chosen.type:
        made["diskType"] = chosen.type
    if chosen.size_gib:
        made["diskSizeGb"] = str(chosen.size_gib)
    return {"boot": True, "autoDelete": True, "initializeParams": made}


def _interface(request: Request, settings: Settings) -> Json:
    address = request.body.get("address", "")
    public = [{"type": "ONE_TO_ONE_NAT", "name": "External NAT"}] if settings.associate_public_ip else []
    return {
        "network": _network(request, settings.network),
        "subnetwork": _subnetwork(request, settings),
        **({"accessConfigs": public} if public else {}),
        **({"networkIP": address} if address else {}),
    }


def _network(request: Request, existing: str = "") -> str:
    name = existing or request.body.get("network", "") or _input(request, parts.NETWORK)
    return name if "/" in name else f"global/networks/{name}"


def _subnetwork(request: Request, settings: Settings) -> str:
    name = settings.subnetwork or _input(request, parts.SUBNETWORK)
    return name if "/" in name else f"regions/{settings.region}/subnetworks/{name}"


def _input(request: Request, kind: str) -> str:
    given = request.inputs.get(parts.part_name(kind))
    if not given:
        raise ProviderError(f"{request.name} was not told the name of its {kind}", kind=Kind.INVALID, code="NoInput")
    return given["name"]


def _likeness(request: Request) -> str:
    """Return a text that is the same for requests that one call can serve."""
    by_itself = request.name if request.body.get("address") or request.protect else ""
    marks = labels.written(request.labels)
    inputs = {name: dict(given) for name, given in request.inputs.items()}
    return json.dumps([by_itself, request.zone, marks, request.body, inputs, request.payload])
