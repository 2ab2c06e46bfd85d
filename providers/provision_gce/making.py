"""Making things, each once: a request id that GCE knows again, and a name that only one thing can have.

A name that is taken is looked at: ours of the same generation is what an earlier call made, and adopted.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import State
from provision.provider import Outcome
from provision_gce import bodies, labels, listing, observe, operations, parts, sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provision.model import Json, Observed, Request
    from provision_gce.sdk import Cloud

BODIES: dict[str, Callable[[Request], Json]] = {
    parts.NETWORK: bodies.network,
    parts.SUBNETWORK: bodies.subnetwork,
    parts.FIREWALL: bodies.firewall,
}


def part(cloud: Cloud, request: Request) -> Outcome:
    """Make one part, or find the one that an earlier call made."""
    service, where = parts.SERVICES[request.kind], _where(request)
    try:
        body = BODIES[request.kind](request)
        try:
            ended = operations.run(cloud, f"{service}.insert", body=body, token=request.token, **where)
        except ProviderError as error:
            # A subnetwork may be refused for the overlap with itself before its name is looked at.
            if error.kind not in (Kind.ALREADY_EXISTS, Kind.INVALID):
                raise
            return Outcome(request.name, _existing_part(cloud, request, body["name"], error))
        if ended.replayed:
            return Outcome(request.name, _replayed_part(cloud, request, body["name"], ended.target))
        item = {**body, "id": ended.target, **where}
        return Outcome(request.name, observe.part(request.kind, item, request.labels))
    except ProviderError as error:
        return Outcome(request.name, error=error)


def launch(cloud: Cloud, wanted: bodies.Launch) -> Iterator[Outcome]:
    """Make the machines of one launch; an outcome for each."""
    if len(wanted.requests) == 1:
        yield _alone(cloud, wanted, wanted.first, request_id=wanted.token)
        return
    where = {"zone": wanted.first.zone}
    try:
        body = bodies.together(wanted)
        ended = operations.run(cloud, "instances.bulkInsert", body=body, token=wanted.token, **where)
        found = {o.name: o for o in _listed(cloud, wanted.first, f'labels.{labels.TOKEN} = "{wanted.token}"')}
    except ProviderError as error:
        if error.kind is Kind.ALREADY_EXISTS:
            yield from _rest(cloud, wanted)
        else:
            yield from (Outcome(request.name, error=error) for request in wanted.requests)
        return
    for request in wanted.requests:
        if request.name in found:
            yield Outcome(request.name, found[request.name])
        elif ended.replayed:
            yield Outcome(request.name, observe.gone(request, f"{request.zone}/{request.name}", wanted.token))
        else:
            yield Outcome(request.name, error=_missing(request))


def _rest(cloud: Cloud, wanted: bodies.Launch) -> Iterator[Outcome]:
    """Take what an earlier call made of a launch, and make the rest one by one."""
    try:
        listed = list(_listed(cloud, wanted.first, f'labels.{labels.UID} = "{wanted.first.labels.uid}"'))
    except ProviderError as error:
        yield from (Outcome(request.name, error=error) for request in wanted.requests)
        return
    there = {o.name: o for o in listed}
    for request in wanted.requests:
        found = there.get(request.name)
        if found and _same(found, request):
            yield Outcome(request.name, found)
        else:
            number = str(uuid.uuid5(uuid.UUID(wanted.token), request.name))
            yield _alone(cloud, wanted, request, request_id=number)


def _alone(cloud: Cloud, wanted: bodies.Launch, request: Request, *, request_id: str) -> Outcome:
    try:
        body = bodies.alone(wanted, request)
        try:
            ended = operations.run(cloud, "instances.insert", body=body, token=request_id, zone=request.zone)
        except ProviderError as error:
            if error.kind is not Kind.ALREADY_EXISTS:
                raise
            return Outcome(request.name, _existing(cloud, request, error))
        if ended.replayed:
            return Outcome(request.name, _replayed(cloud, request, wanted.token, ended.target))
        until = body["scheduling"].get("terminationTime", "")
        return Outcome(request.name, observe.asked(request, ended.target, wanted.token, until))
    except ProviderError as error:
        return Outcome(request.name, error=error)


def _replayed(cloud: Cloud, request: Request, token: str, number: str) -> Observed:
    """Return what an earlier call made under this token."""
    try:
        return _machine(cloud, request, number)
    except ProviderError as error:
        if not sdk.absent(error):
            raise
        return observe.gone(request, number, token)


def _existing(cloud: Cloud, request: Request, refusal: ProviderError) -> Observed:
    """Return the machine that has the name, when it is the one that is asked for.

    Raises:
        ProviderError: CONFLICT while an older one of ours is there still, INVALID when it is somebody else's.
    """
    try:
        found = _machine(cloud, request, request.name)
    except ProviderError as error:
        raise refusal if sdk.absent(error) else error from refusal
    if found.labels is None or found.labels.uid != request.labels.uid:
        raise _taken(request.name, found.labels.uid if found.labels else "", refusal)
    if not _same(found, request):
        raise ProviderError(
            f"{request.name} of generation {found.labels.generation} still has the name",
            kind=Kind.CONFLICT,
            retryable=True,
            code=refusal.code,
        ) from refusal
    return found


def _same(found: Observed, request: Request) -> bool:
    return (
        found.labels is not None
        and found.labels.uid == request.labels.uid
        and found.labels.generation == request.labels.generation
        and found.state is not State.DELETING
    )


def _replayed_part(cloud: Cloud, request: Request, name: str, number: str) -> Observed:
    try:
        return _read(cloud, request, name)
    except ProviderError as error:
        if not sdk.absent(error):
            raise
    item = {**BODIES[request.kind](request), "id": number, **_where(request)}
    gone = observe.part(request.kind, item, request.labels)
    return replace(gone, state=State.DELETING)


def _existing_part(cloud: Cloud, request: Request, name: str, refusal: ProviderError) -> Observed:
    try:
        found = _read(cloud, request, name)
    except ProviderError as error:
        raise refusal if sdk.absent(error) else error from refusal
    if found.labels is None or found.labels.uid != request.labels.uid:
        raise _taken(name, found.labels.uid if found.labels else "", refusal)
    return found


def _read(cloud: Cloud, request: Request, name: str) -> Observed:
    item = cloud.call(f"{parts.SERVICES[request.kind]}.get", **_where(request), **{request.kind: name})
    own = labels.from_description(item.get("description", ""))
    return observe.part(request.kind, item, own or replace(request.labels, uid=""))


def _where(request: Request) -> Mapping[str, str]:
    return {"region": request.body["region"]} if request.kind == parts.SUBNETWORK else {}


def _listed(cloud: Cloud, request: Request, which: str) -> Iterator[Observed]:
    return listing.read(cloud, cloud.items("instances.list", zone=request.zone, filter=which))


def _machine(cloud: Cloud, request: Request, name: str) -> Observed:
    return next(listing.read(cloud, [cloud.call("instances.get", zone=request.zone, instance=name)]))


def _taken(name: str, uid: str, refusal: ProviderError) -> ProviderError:
    whose = f"cluster {uid}" if uid else "something that provision did not make"
    return ProviderError(
        f"the name {name} belongs to {whose}",
        kind=Kind.INVALID,
        code=refusal.code,
        hint="names are unique in a zone: remove it, or name the cluster otherwise",
    )


def _missing(request: Request) -> ProviderError:
    message = f"bulkInsert ended, and {request.name} is not listed"
    return ProviderError(message, kind=Kind.AMBIGUOUS, retryable=True, code="NoAnswer")
