"""Things as they must be after a call whose answer says less: whoever waits for them reads the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provision.model import MACHINE, Observed, State

if TYPE_CHECKING:
    from provision.model import Change, Request


def begun(request: Request, number: str, **others: Any) -> Observed:  # noqa: ANN401
    """Return a machine that has just been asked for, as its request says.

    Args:
        request: the one that was granted.
        number: the machine's id; it is among the outputs too.
        others: what this platform's answer or request says besides, as fields of `Observed`.
    """
    address = request.body.get("address", "")
    told = {
        "token": request.token,
        "addresses": {"private": address} if address else {},
        "outputs": {"id": number},
        "protected": request.protect,
        **others,
    }
    return Observed(
        kind=MACHINE,
        name=request.name,
        id=number,
        provider=request.provider,
        state=State.PENDING,
        labels=request.labels,
        **told,
    )


def changed(change: Change) -> Observed:
    """Return a thing whose labels and protection have been changed as asked."""
    target = change.target
    protected = target.protected if change.protected is None else change.protected
    return replace(target, labels=change.labels or target.labels, protected=protected)
