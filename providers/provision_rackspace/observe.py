"""What Rackspace reports, as observations. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from provision.model import MACHINE, Observed, State
from provision.providing.seen import begun
from provision_rackspace import labels, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Request

STATES = {
    "ACTIVE": State.RUNNING,
    "BUILD": State.PENDING,
    "REBUILD": State.PENDING,
    "REBOOT": State.PENDING,
    "HARD_REBOOT": State.PENDING,
    "MIGRATING": State.RUNNING,
    "PREP_RESIZE": State.RUNNING,
    "RESIZE": State.PENDING,
    "VERIFY_RESIZE": State.RUNNING,
    "REVERT_RESIZE": State.PENDING,
    "PASSWORD": State.RUNNING,
    "RESCUE": State.RUNNING,
    "SUSPENDED": State.STOPPED,
    "SHUTOFF": State.STOPPED,
    "ERROR": State.FAILED,
    "DELETED": State.DELETING,
}
"""https://docs-ospc.rackspace.com/cloud-servers/v2/general-api-info/server-status-values"""


def machine(item: Json, region: str) -> Observed:
    """Read a server of GET /servers/detail."""
    marks: dict[str, str] = item.get("metadata", {})
    ours = labels.read(marks)
    return Observed(
        kind=MACHINE,
        name=ours.machine if ours else item["id"],
        id=item["id"],
        provider=parts.PROVIDER,
        state=state(item),
        labels=ours,
        token=marks.get(labels.TOKEN, ""),
        addresses=dict(_addresses(item.get("addresses", {}))),
        outputs={"id": item["id"]},
        size=item.get("flavor", {}).get("id", ""),
        zone=region,
        protected=marks.get(labels.PROTECTED) == "true",
        created=_time(item.get("created")),
        detail=str((item.get("fault") or {}).get("message", "")),
    )


def made(request: Request, number: str, flavor: str, region: str) -> Observed:
    """Return the machine that nova has taken on a moment ago: its answer holds the id alone."""
    return begun(request, number, addresses={}, size=flavor, zone=region)


def state(item: Json) -> State:
    """Read status and task together."""
    if item.get("OS-EXT-STS:task_state") == "deleting":
        return State.DELETING
    return STATES.get(item.get("status", ""), State.UNKNOWN)


def key_pair(name: str) -> Observed:
    """Return a key pair, which its name tells apart."""
    return Observed(
        parts.KEY, parts.part_name(parts.KEY), name, parts.PROVIDER, State.RUNNING, outputs={"key_name": name}
    )


def network(item: Json) -> Observed:
    """Return a cloud network of ours, which its label tells apart."""
    outputs = {"id": item["id"]}
    _, uid = labels.named(item["label"]) or ("", "")
    return Observed(
        parts.NETWORK, parts.part_name(parts.NETWORK, uid), item["id"], parts.PROVIDER, State.RUNNING, outputs=outputs
    )


def _addresses(networks: Json) -> Iterator[tuple[str, str]]:
    """Yield the first IPv4 address on a cloud network, else on ServiceNet, and the one on PublicNet."""
    four = {name: [e["addr"] for e in entries if e.get("version") == 4] for name, entries in networks.items()}
    public, service = four.pop("public", []), four.pop("private", [])
    inside = [address for entries in four.values() for address in entries] + service
    yield from zip(("private",), inside, strict=False)
    yield from zip(("public",), public, strict=False)


def _time(text: Any) -> datetime | None:  # noqa: ANN401
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if isinstance(text, str) and text else None
