"""The deadline as GCE's own limit on a machine's running time. Pure.

``terminationTime`` with the action DELETE ends a machine and its disk at a moment, even when nobody's computer runs
(https://cloud.google.com/compute/docs/instances/limit-vm-runtime). The moment, and not ``maxRunDuration``, since a
duration begins anew with every start, and a request that is sent again must be the same.

GCE lets both be altered only on a stopped machine. So a deadline that moves later than the limit costs a stop; one that
moves earlier, or within `Settings.extendable_hours`, does not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from provision.model import utc_text

if TYPE_CHECKING:
    from provision.model import Json, Labels
    from provision_gce.settings import Settings

LONGEST = timedelta(days=120)
"""How far ahead a limit may lie."""

MARGIN = timedelta(minutes=1)
"""The limit lies this much before the deadline: a machine that has switched itself off is deleted by no limit."""


def limit(labels: Labels, settings: Settings, now: datetime) -> str:
    """Return when GCE is to delete a machine, RFC 3339 in UTC, or "" when it is not to.

    A moment that GCE does not take lies too far ahead: such a machine ends by its own timer alone, as on other clouds.
    """
    if labels.deadline is None:
        return ""
    moment = labels.deadline - MARGIN + timedelta(hours=settings.extendable_hours)
    return utc_text(moment) if moment < now + LONGEST else ""


def scheduling(labels: Labels, settings: Settings, now: datetime) -> Json:
    """Return the instance's scheduling."""
    until = limit(labels, settings, now)
    model: Json = {"provisioningModel": "STANDARD"}
    if settings.spot:
        model = {"provisioningModel": "SPOT", "automaticRestart": False, "onHostMaintenance": "TERMINATE"}
    if until or settings.spot:
        model["instanceTerminationAction"] = "DELETE"
    return {**model, **({"terminationTime": until} if until else {})}


def ends_before(until: str, labels: Labels) -> bool:
    """Tell whether a machine with that limit ("" for none) would be deleted before its deadline."""
    if not until:
        return False
    return labels.deadline is None or moment(until) < labels.deadline - MARGIN


def moment(text: str) -> datetime:
    """Read a time as GCE writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
