"""Removing things. Already gone is success; what is still in use is a conflict that passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, State
from provision.provider import Outcome
from provision_rackspace import observe, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Observed
    from provision_rackspace.sdk import Cloud

PATHS = {MACHINE: "/servers", parts.NETWORK: "/os-networksv2", parts.KEY: "/os-keypairs"}


def remove(cloud: Cloud, batch: Sequence[Observed]) -> Iterator[Outcome]:
    """Remove one thing after the other: nova has no call for several."""
    yield from (_removed(cloud, target) for target in batch)


def _removed(cloud: Cloud, target: Observed) -> Outcome:
    try:
        if target.kind == MACHINE and target.protected:
            _refuse_protected(cloud, target)
        cloud.call("DELETE", f"{PATHS[target.kind]}/{quote(target.id, safe='')}")
    except ProviderError as error:
        return Outcome(target.name, error=None if error.kind is Kind.NOT_FOUND else error)
    # It is on its networks until nova lists it no more.
    return Outcome(target.name, replace(target, state=State.DELETING) if target.kind == MACHINE else None)


def _refuse_protected(cloud: Cloud, target: Observed) -> None:
    # Rackspace has no protection of its own: the mark is ours.
    server = cloud.call("GET", f"/servers/{target.id}")["server"]
    if observe.machine(server, target.zone).protected:
        raise ProviderError(
            f"{target.name} ({target.id}) is protected",
            kind=Kind.INVALID,  # it does not pass by itself
            code="Protected",
            hint="set `protect: false` in the spec and run `up`, then remove it",
        )
