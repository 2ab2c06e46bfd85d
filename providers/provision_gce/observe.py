"""What GCE reports, as observations. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from provision.model import MACHINE, Labels, Observed, State
from provision.providing.seen import begun
from provision_gce import labels as marks
from provision_gce import parts

if TYPE_CHECKING:
    from provision.model import Json, Request

STATES = {
    "PENDING": State.PENDING,
    "PROVISIONING": State.PENDING,
    "STAGING": State.PENDING,
    "RUNNING": State.RUNNING,
    "REPAIRING": State.PENDING,
    "PENDING_STOP": State.RUNNING,
    # A machine that is being deleted says so too: `listing` tells them apart.
    "STOPPING": State.STOPPED,
    "SUSPENDING": State.STOPPED,
    "SUSPENDED": State.STOPPED,
    "TERMINATED": State.STOPPED,
    "DEPROVISIONING": State.DELETING,
}
"""https://cloud.google.com/compute/docs/instances/instance-lifecycle"""


def machine(item: Json) -> Observed:
    """Read an instance."""
    given, name = item.get("labels", {}), item["name"]
    interfaces = item.get("networkInterfaces", [])
    public = [a["natIP"] for i in interfaces for a in i.get("accessConfigs", []) if a.get("natIP")]
    private = [i["networkIP"] for i in interfaces if i.get("networkIP")]
    scheduling = item.get("scheduling", {})
    return Observed(
        kind=MACHINE,
        name=name,
        id=item["id"],
        provider=parts.PROVIDER,
        state=STATES.get(item.get("status", ""), State.UNKNOWN),
        labels=marks.read(given, name),
        token=given.get(marks.TOKEN, ""),
        addresses={**_first("private", private), **_first("public", public)},
        outputs={"id": item["id"], "until": scheduling.get("terminationTime", "")},
        size=_last(item.get("machineType", "")),
        zone=_last(item.get("zone", "")),
        protected=item.get("deletionProtection", False),
        created=_time(item),
        detail=item.get("statusMessage", ""),
    )


def asked(request: Request, number: str, token: str, until: str) -> Observed:
    """Return a machine that has just been made, as its request says: whoever waits for it reads the rest."""
    outputs, size = {"id": number, "until": until}, str(request.body["size"])
    return begun(request, number, token=token, addresses={}, outputs=outputs, size=size, zone=request.zone)


def gone(request: Request, number: str, token: str) -> Observed:
    """Return a machine that was made under a token and has been deleted since."""
    return replace(asked(request, number, token, ""), state=State.DELETING)


def part(kind: str, item: Json, labels: Labels) -> Observed:
    """Read a part whose labels are known."""
    return Observed(
        kind=kind,
        name=labels.machine,
        id=item["id"],
        provider=parts.PROVIDER,
        state=State.RUNNING,
        labels=labels,
        outputs=outputs(kind, item),
        created=_time(item),
    )


def outputs(kind: str, item: Json) -> dict[str, str]:
    """Return what requests may take from a part."""
    given = {"name": item["name"]}
    if kind == parts.SUBNETWORK:
        given |= {"cidr": item["ipCidrRange"], "region": _last(item["region"])}
    return given


def disk(item: Json) -> Observed:
    """Read a disk without a machine."""
    labels = marks.read(item.get("labels", {}), item["name"])
    return Observed(
        kind=parts.DISK,
        # It has its machine's name and labels, so its own name is its id.
        name=item["id"],
        id=item["id"],
        provider=parts.PROVIDER,
        state=State.RUNNING,
        labels=labels,
        outputs={"name": item["name"]},
        zone=_last(item.get("zone", "")),
        created=_time(item),
    )


def _first(name: str, addresses: list[str]) -> dict[str, str]:
    return {name: addresses[0]} if addresses else {}


def _last(url: str) -> str:
    return url.rpartition("/")[2]


def _time(item: Json) -> datetime | None:
    written = item.get("creationTimestamp")
    return datetime.fromisoformat(written) if written else None
