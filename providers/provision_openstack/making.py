"""Making machines. Nova knows no idempotency key, and names are not unique: look before, and make what is not there.

Machines of one token are made by one call, all or none of them. Threads of one process take turns for a token; two
computers are kept apart by the cluster's lock and its uid.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.provider import Outcome
from provision_openstack import listing, machines, observe, parts
from provision_openstack.machines import Found
from provision_openstack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Observed
    from provision.providing.launches import Launch
    from provision_openstack.finding import Catalogue
    from provision_openstack.sdk import Cloud

_TURNS: dict[str, threading.Lock] = {}
_TURNS_LOCK = threading.Lock()


def launch(cloud: Cloud, catalogue: Catalogue, network: str, wanted: Launch) -> Iterator[Outcome]:
    """Make the machines of one launch; an outcome for each.

    Args:
        cloud: where.
        catalogue: names to ids.
        network: the existing network of the options, "" for the cluster's own.
        wanted: the launch.
    """
    try:
        with turn(wanted.token):
            things = _made_before(cloud, wanted) or _make(cloud, wanted, _find(catalogue, network, wanted))
    except ProviderError as error:
        yield from (Outcome(request.name, error=error) for request in wanted.requests)
        return
    by_name = {thing.name: thing for thing in things}
    for request in wanted.requests:
        found = by_name.get(request.name)
        yield Outcome(request.name, found) if found else Outcome(request.name, error=_missing(request.name))


@contextmanager
def turn(token: str) -> Iterator[None]:
    """Let one thread of this process at a time ask for what a token makes."""
    with _TURNS_LOCK:
        lock = _TURNS.setdefault(token, threading.Lock())
    with lock:
        yield


def _made_before(cloud: Cloud, wanted: Launch) -> list[Observed]:
    return [observe.machine(item) for item in listing.by_token(cloud, wanted.token)]


def _make(cloud: Cloud, wanted: Launch, found: Found) -> list[Observed]:
    answer = cloud.call("compute", "POST", "/servers", machines.body(wanted, found))
    if len(wanted.requests) == 1:
        return [observe.made(wanted.first, answer["server"]["id"])]
    # A batch is answered with a reservation; the ids are in the list.
    return _made_before(cloud, wanted)


def _find(catalogue: Catalogue, network: str, wanted: Launch) -> Found:
    request, settings = wanted.first, Settings.read(wanted.first.body.get("options", {}))
    own = machines.input_of(request, parts.part_name(parts.NETWORK))
    return Found(
        flavor=catalogue.flavor(str(request.body["size"]))["id"],
        image=machines.image(request, settings),
        network=catalogue.network(network)["id"] if network else own,
    )


def _missing(name: str) -> ProviderError:
    message = f"the batch of {name} was taken on without it"
    return ProviderError(message, kind=Kind.AMBIGUOUS, retryable=True, code="NoAnswer")
