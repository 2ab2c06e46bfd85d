"""What the journal records of a thing that stays: changed in place, or adopted as it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.state.fold import Entry, Status

if TYPE_CHECKING:
    from provision.model import Observed
    from provision.plan.model import Step
    from provision.state.cluster import ClusterState


def kept(state: ClusterState, step: Step, thing: Observed) -> Entry:
    """Return the entry of a step's thing as it is now, and keep the recipe that it runs where that is known.

    Raises:
        StateError: the recipe cannot be written.
    """
    if step.thing is not None and step.fingerprint == step.thing.fingerprint:
        state.save_recipe(step.fingerprint, step.thing.request.body, step.thing.recipe)
    return Entry(
        *step.key,
        generation=step.generation,
        status=Status.MADE,
        token=thing.token,
        id=thing.id,
        fingerprint=step.fingerprint,
        zone=thing.zone,
        needs=step.needs,
        etcd=step.etcd,
    )
