"""Altering what stays: labels and protection, which are a server's metadata. Nothing else carries any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision.providing.seen import changed
from provision_rackspace import labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Change, Observed
    from provision_rackspace.sdk import Cloud


def alter(cloud: Cloud, batch: Sequence[Change]) -> Iterator[Outcome]:
    """Make all changes, at most one call for each thing."""
    for change in batch:
        try:
            _alter(cloud, change)
        except ProviderError as error:
            yield Outcome(change.target.name, error=error)
        else:
            yield Outcome(change.target.name, _after(change))


def _alter(cloud: Cloud, change: Change) -> None:
    target = change.target
    if change.body:
        message = f"{target.name}: cannot change {', '.join(sorted(change.body))} in place"
        raise ProviderError(message, kind=Kind.UNSUPPORTED)
    if target.kind != MACHINE:
        return
    marks = labels.changed(target.labels, change.labels) if change.labels else {}
    if change.protected is not None:
        marks[labels.PROTECTED] = str(change.protected).lower()
    if marks:
        cloud.call("POST", f"/servers/{target.id}/metadata", {"metadata": marks})


def _after(change: Change) -> Observed:
    return changed(change) if change.target.kind == MACHINE else change.target
