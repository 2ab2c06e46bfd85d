"""Making things. Nova knows no idempotency key, and names are not unique: look before, and make what is not there.

Threads of one process take turns for a token; two computers are kept apart by the cluster's lock and its uid.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision_rackspace import labels, listing, observe, parts
from provision_rackspace.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision.model import Json, Observed, Request
    from provision_rackspace.finding import Catalogue
    from provision_rackspace.sdk import Cloud

_TURNS: dict[str, threading.Lock] = {}
_TURNS_LOCK = threading.Lock()


def make(cloud: Cloud, catalogue: Catalogue, network: str, batch: Sequence[Request]) -> Iterator[Outcome]:
    """Make things, one by one; `network` is the existing network of the options, "" for the cluster's own."""
    for request in batch:
        try:
            with _turn(request.token):
                if request.kind == MACHINE:
                    found = _machine(cloud, catalogue, network, request)
                else:
                    found = _PARTS[request.kind](cloud, request)
        except ProviderError as error:
            yield Outcome(request.name, error=error)
        else:
            yield Outcome(request.name, found)


@contextmanager
def _turn(token: str) -> Iterator[None]:
    with _TURNS_LOCK:
        lock = _TURNS.setdefault(token, threading.Lock())
    with lock:
        yield


def _machine(cloud: Cloud, catalogue: Catalogue, network: str, request: Request) -> Observed:
    there = listing.by_token(cloud, request.name, request.token)
    if there is not None:
        return there
    flavor = str(catalogue.flavor(str(request.body["size"]))["id"])
    inside = catalogue.network(network)["id"] if network else _input(request, parts.NETWORK, "id")
    answer = cloud.call("POST", "/servers", body(request, flavor, inside))
    return observe.made(request, answer["server"]["id"], flavor, cloud.region())


def body(request: Request, flavor: str, network: str) -> Json:
    """Return the body of POST /servers.

    https://docs-ospc.rackspace.com/cloud-servers/v2/api-reference/svr-basic-operations#create-server
    """
    settings = Settings.read(request.body.get("options", {}))
    nets = [network, *[parts.PUBLIC_NET] * settings.public, *[parts.SERVICE_NET] * settings.servicenet]
    key = settings.key_name or _input(request, parts.KEY, "key_name")
    server: Json = {
        "name": request.name,
        "flavorRef": flavor,
        "imageRef": request.body.get("image") or settings.image,
        "networks": [{"uuid": each} for each in nets],
        "metadata": labels.metadata(request.labels, request.token, protected=request.protect),
        # There is no metadata service: without the drive nobody reads the user data.
        "config_drive": True,
        **({"key_name": key} if key else {}),
        **({"user_data": request.payload} if request.payload else {}),  # encoded already: see the provider's traits
    }
    return {"server": server}


def _key(cloud: Cloud, request: Request) -> Observed:
    name = labels.name(request.labels.whose)
    keypair = {"name": name, "public_key": request.body["public_key"]}
    try:
        cloud.call("POST", "/os-keypairs", {"keypair": keypair})
    except ProviderError as error:
        # The name holds the cluster's uid, so who has it is we.
        if error.kind not in (Kind.ALREADY_EXISTS, Kind.CONFLICT):
            raise
    return observe.key_pair(name)


def _network(cloud: Cloud, request: Request) -> Observed:
    label = labels.name(request.labels.whose)
    for item in listing.networks(cloud):
        if item.get("label") == label:
            return observe.network(item)
    wanted = {"label": label, "cidr": request.body["cidr"]}
    return observe.network(cloud.call("POST", "/os-networksv2", {"network": wanted})["network"])


def _input(request: Request, kind: str, output: str) -> str:
    """Return what the part of a kind gave to a request, "" when it needs none; there is at most one of each kind."""
    found = (given for name, given in request.inputs.items() if f"{name}.".startswith(f"{parts.part_name(kind)}."))
    return str(next(found, {}).get(output, ""))


_PARTS: dict[str, Callable[[Cloud, Request], Observed]] = {parts.KEY: _key, parts.NETWORK: _network}
