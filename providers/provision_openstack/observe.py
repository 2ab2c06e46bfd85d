"""What OpenStack reports, as observations. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from provision.model import MACHINE, Observed, State
from provision.providing.seen import begun
from provision_openstack import labels, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Labels, Request

STATES = {
    "ACTIVE": State.RUNNING,
    "BUILD": State.PENDING,
    "REBUILD": State.PENDING,
    "REBOOT": State.PENDING,
    "HARD_REBOOT": State.PENDING,
    "MIGRATING": State.RUNNING,
    "RESIZE": State.PENDING,
    "VERIFY_RESIZE": State.RUNNING,
    "PASSWORD": State.RUNNING,
    "RESCUE": State.RUNNING,
    "SHUTOFF": State.STOPPED,
    "PAUSED": State.STOPPED,
    "SUSPENDED": State.STOPPED,
    "SHELVED": State.STOPPED,
    "SHELVED_OFFLOADED": State.STOPPED,
    "ERROR": State.FAILED,
    "DELETED": State.DELETING,
    "SOFT_DELETED": State.DELETING,
}
"""https://docs.openstack.org/api-guide/compute/server_concepts.html"""

GOING = frozenset(("deleting", "soft-deleting"))
RESTARTING = frozenset((
    "rebooting", "rebooting_hard", "reboot_pending", "reboot_started", "reboot_pending_hard", "reboot_started_hard",
    "powering-on", "resuming", "unpausing", "unshelving", "spawning", "scheduling", "networking",
    "block_device_mapping",
))  # fmt: skip
"""Tasks under which a status stays what it was, though the machine does not run: ACTIVE all through a hard reboot."""


def machine(item: Json) -> Observed:
    """Read a server of GET /servers/detail."""
    marks: dict[str, str] = item.get("metadata", {})
    ours = labels.read(marks, number(item))
    fault = item.get("fault") or {}
    return Observed(
        kind=MACHINE,
        name=ours.machine if ours else item["id"],
        id=item["id"],
        provider=parts.PROVIDER,
        state=state(item),
        labels=ours,
        token=marks.get(labels.TOKEN, ""),
        addresses=dict(_addresses(item)),
        outputs={"id": item["id"]},
        size=item.get("flavor", {}).get("original_name", ""),
        zone=item.get("OS-EXT-AZ:availability_zone") or "",
        protected=marks.get(labels.PROTECTED) == "true",
        created=_time(item.get("created")),
        detail=str(fault.get("message", "")),
    )


def made(request: Request, number: str) -> Observed:
    """Return the machine that nova has taken on a moment ago: its answer holds the id alone."""
    return begun(request, number, size=str(request.body.get("size", "")), zone=request.zone)


def number(item: Json) -> int:
    """Return a server's number in its batch, from 0: nova writes it behind the name, from 1."""
    last = str(item.get("name", "")).rpartition("-")[2]
    return int(last) - 1 if last.isdecimal() else 0


def state(item: Json) -> State:
    """Read status and task together."""
    task = item.get("OS-EXT-STS:task_state") or ""
    found = STATES.get(item.get("status", ""), State.UNKNOWN)
    if task in GOING:
        return State.DELETING
    return State.PENDING if task in RESTARTING and found is not State.FAILED else found


def _addresses(item: Json) -> Iterator[tuple[str, str]]:
    """Yield the first private and the first public IPv4 address."""
    entries = [e for network in item.get("addresses", {}).values() for e in network if e.get("version") == 4]
    fixed = [e["addr"] for e in entries if e.get("OS-EXT-IPS:type") != "floating"]
    public = [e["addr"] for e in entries if e.get("OS-EXT-IPS:type") == "floating"]
    # On a provider's network machines have public addresses of their own.
    public += [address for address in fixed if ip_address(address).is_global]
    yield from zip(("private",), fixed, strict=False)
    yield from zip(("public",), public, strict=False)


def part(kind: str, item: Json, ours: Labels, detail: str = "", **outputs: str) -> Observed:
    """Read a part; `detail` says what a half-made one lacks.

    That makes it a failed one, of generation 0: no request of the engine has made it yet, so the same request is sent
    again and finishes it; a later run makes it anew.
    """
    return Observed(
        kind=kind,
        name=ours.machine,
        id=item["id"],
        provider=parts.PROVIDER,
        state=State.FAILED if detail else State.RUNNING,
        labels=replace(ours, generation=0) if detail else ours,
        outputs={"id": item["id"], **outputs},
        created=_time(item.get("created_at")),
        detail=detail,
    )


def key_pair(item: Json) -> Observed:
    """Read a key pair, which its name tells apart."""
    name = item["name"]
    outputs = {"key_name": name}
    return Observed(parts.KEY, parts.part_name(parts.KEY), name, parts.PROVIDER, State.RUNNING, outputs=outputs)


def server_group(item: Json) -> Observed:
    """Read a server group, which its name tells apart; its id here holds the name too, and so the cluster's uid."""
    found = labels.named(item["name"])
    name = parts.part_name(parts.SERVERS, found[2] if found else "")
    outputs = {"id": item["id"]}
    known = f"{item['name']}/{item['id']}"
    return Observed(parts.SERVERS, name, known, parts.PROVIDER, State.RUNNING, outputs=outputs)


def within(rules: list[Json], group: str) -> bool:
    """Tell whether a security group lets in its own machines."""
    return any(rule.get("remote_group_id") == group and rule["direction"] == "ingress" for rule in rules)


def _time(text: Any) -> datetime | None:  # noqa: ANN401
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if isinstance(text, str) and text else None
