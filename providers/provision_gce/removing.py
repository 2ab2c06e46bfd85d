"""Removing things. Already gone is success; what is still in use is a conflict that passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.model import MACHINE, State
from provision.provider import Outcome
from provision_gce import operations, parts, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Observed
    from provision_gce.sdk import Cloud


def remove(cloud: Cloud, batch: Sequence[Observed]) -> Iterator[Outcome]:
    """Remove machines without waiting for each, and parts one by one."""
    for target in batch:
        try:
            yield _machine(cloud, target) if target.kind == MACHINE else _part(cloud, target)
        except ProviderError as error:
            yield Outcome(target.name, error=None if sdk.absent(error) else error)


def _machine(cloud: Cloud, target: Observed) -> Outcome:
    """Begin a deletion: whoever waits lists the cluster, once for all its machines.

    By its number, which a machine that is made anew under the name does not have.
    """
    began = operations.start(cloud, "instances.delete", zone=target.zone, instance=target.id)
    if began["status"] == operations.DONE:
        operations.wait(cloud, "instances.delete", began)
        return Outcome(target.name)
    return Outcome(target.name, replace(target, state=State.DELETING))


def _part(cloud: Cloud, target: Observed) -> Outcome:
    where = {parts.SUBNETWORK: {"region": target.outputs.get("region", "")}, parts.DISK: {"zone": target.zone}}
    named = {target.kind: target.outputs["name"], **where.get(target.kind, {})}
    operations.run(cloud, f"{parts.SERVICES[target.kind]}.delete", **named)
    return Outcome(target.name)
