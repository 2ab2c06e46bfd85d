"""The request for a part: a thing that the machines of a cluster share. It has one generation, and so one token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.model import Request, creation_token

if TYPE_CHECKING:
    from provision.model import Json, Wanted


def part(provider: str, wanted: Wanted, kind: str, name: str, body: Json, *needs: str) -> Request:
    """Return the request.

    Args:
        provider: the plugin's name.
        wanted: the cluster.
        kind: one of the provider's kinds.
        name: of the part, unique in the cluster.
        body: what the provider needs to make it.
        needs: names of what must be there first.
    """
    return Request(
        kind=kind,
        name=name,
        provider=provider,
        labels=wanted.labels_for(name),
        token=creation_token(wanted.uid, name, 1),
        body=body,
        needs=needs,
    )
