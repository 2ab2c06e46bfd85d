"""Removing things. Already gone is success; what is still in use is a conflict that passes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Observed, State
from provision.provider import Outcome
from provision_ec2 import parts, sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision_ec2.sdk import Cloud

TERMINATE_LIMIT = 1000
"""Instances in one TerminateInstances
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html)."""


def remove(cloud: Cloud, batch: Sequence[Observed]) -> Iterator[Outcome]:
    """Remove machines together and parts one by one."""
    machines = [target for target in batch if target.kind == MACHINE]
    # One protected machine makes EC2 refuse a whole call, so those that were protected when last seen go apart.
    for protected in (False, True):
        alike = [target for target in machines if target.protected is protected]
        for start in range(0, len(alike), TERMINATE_LIMIT):
            yield from _terminate(cloud, alike[start : start + TERMINATE_LIMIT])
    yield from (_part(cloud, target) for target in batch if target.kind != MACHINE)


def _terminate(cloud: Cloud, targets: Sequence[Observed]) -> Iterator[Outcome]:
    left = {target.id: target for target in targets}
    while left:
        try:
            cloud.call("terminate_instances", InstanceIds=list(left))
        except ProviderError as error:
            named = [left[number] for number in _blamed(error) if number in left]
            if not named:
                yield from (Outcome(t.name, error=error) for t in left.values())
                return
            for target in named:
                yield Outcome(target.name, error=None if sdk.absent(error) else _protected(target))
                del left[target.id]
        else:
            # Its address and its groups are in use until EC2 lists it no more, some tens of seconds later.
            yield from (Outcome(t.name, replace(t, state=State.DELETING)) for t in left.values())
            return


def _blamed(error: ProviderError) -> list[str]:
    """Return the instances that a refusal of a batch names: unknown ones, or protected ones."""
    if error.code in ("InvalidInstanceID.NotFound", "OperationNotPermitted"):
        return re.findall(r"\bi-[0-9a-f]+\b", error.message)
    return []


def _protected(target: Observed) -> ProviderError:
    return ProviderError(
        f"{target.name} ({target.id}) has termination protection",
        kind=Kind.INVALID,  # it does not pass by itself
        code="OperationNotPermitted",
        hint="set `protect: false` in the spec and run `up`, then remove it",
    )


def _part(cloud: Cloud, target: Observed) -> Outcome:
    try:
        REMOVERS[target.kind](cloud, target)
    except ProviderError as error:
        if not sdk.absent(error):
            return Outcome(target.name, error=error)
    return Outcome(target.name)


def _gateway(cloud: Cloud, target: Observed) -> None:
    for vpc in target.outputs.get("vpc", "").split():
        _unless_absent(cloud, "detach_internet_gateway", InternetGatewayId=target.id, VpcId=vpc)
    cloud.call("delete_internet_gateway", InternetGatewayId=target.id)


def _routes(cloud: Cloud, target: Observed) -> None:
    """Delete a route table; one that is still tied to subnets is untied first."""
    try:
        cloud.call("delete_route_table", RouteTableId=target.id)
    except ProviderError as error:
        if error.kind is not Kind.CONFLICT:
            raise
        tables = cloud.call("describe_route_tables", RouteTableIds=[target.id])["RouteTables"]
        for link in tables[0].get("Associations", []):
            _unless_absent(cloud, "disassociate_route_table", AssociationId=link["RouteTableAssociationId"])
        cloud.call("delete_route_table", RouteTableId=target.id)


def _key(cloud: Cloud, target: Observed) -> None:
    cloud.call("delete_key_pair", KeyName=target.outputs["key_name"])


def _unless_absent(cloud: Cloud, operation: str, **params: str) -> None:
    try:
        cloud.call(operation, **params)
    except ProviderError as error:
        if not sdk.absent(error):
            raise


def _by_id(operation: str, name: str) -> Callable[[Cloud, Observed], None]:
    def remover(cloud: Cloud, target: Observed) -> None:
        cloud.call(operation, **{name: target.id})

    return remover


REMOVERS: dict[str, Callable[[Cloud, Observed], None]] = {
    parts.VPC: _by_id("delete_vpc", "VpcId"),
    parts.GATEWAY: _gateway,
    parts.ROUTES: _routes,
    parts.SUBNET: _by_id("delete_subnet", "SubnetId"),
    parts.GROUP: _by_id("delete_security_group", "GroupId"),
    parts.KEY: _key,
    parts.INTERFACE: _by_id("delete_network_interface", "NetworkInterfaceId"),
    parts.VOLUME: _by_id("delete_volume", "VolumeId"),
}
