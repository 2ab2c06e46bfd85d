"""Altering what stays: labels, deadlines, deletion protection, and who may reach port 22.

GCE moves a machine's time limit only while it is stopped. A running machine whose limit would end it before its new
deadline is therefore refused, and the refusal says how to go on; or it is restarted, one machine at a time, when the
option `restart_to_extend` says so. Stopping a machine keeps its disk and its private address.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, State
from provision.provider import Outcome
from provision_gce import deadlines, labels, operations, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from provision.model import Change, Json, Observed
    from provision_gce.sdk import Cloud
    from provision_gce.settings import Settings

CHANGEABLE = {parts.FIREWALL: frozenset({"ssh_from"})}
ONE_AT_A_TIME = Lock()


def alter(cloud: Cloud, settings: Settings, now: datetime, batch: Sequence[Change]) -> Iterator[Outcome]:
    """Make all changes."""
    for change in batch:
        try:
            done = _machine(cloud, settings, now, change) if change.target.kind == MACHINE else _part(cloud, change)
            yield Outcome(change.target.name, done)
        except ProviderError as error:
            yield Outcome(change.target.name, error=error)


def power(cloud: Cloud, machine: Observed, on: bool) -> None:
    """Switch a machine, and wait until it is; that it is already is success.

    Raises:
        ProviderError: GCE refuses, or cannot be asked.
    """
    operations.run(cloud, f"instances.{'start' if on else 'stop'}", zone=machine.zone, instance=machine.id)


def _machine(cloud: Cloud, settings: Settings, now: datetime, change: Change) -> Observed:
    target = change.target
    where = {"zone": target.zone, "instance": target.id}
    if change.protected is not None:
        which = {"zone": target.zone, "resource": target.id}
        wanted: Json = {**which, "deletionProtection": change.protected}
        operations.run(cloud, "instances.setDeletionProtection", **wanted)
        target = replace(target, protected=change.protected)
    if change.labels is None:
        return target
    item = cloud.call("instances.get", **where)
    if deadlines.ends_before(item.get("scheduling", {}).get("terminationTime", ""), change.labels):
        body = deadlines.scheduling(change.labels, _as_made(item, settings), now)
        target = _moved(cloud, item, target, body, restart=settings.restart_to_extend)
    marks = labels.relabelled(item.get("labels", {}), change.labels)
    body = {"labels": marks, "labelFingerprint": item["labelFingerprint"]}
    operations.run(cloud, "instances.setLabels", body=body, **where)
    return replace(target, labels=change.labels)


def _as_made(item: Json, settings: Settings) -> Settings:
    return replace(settings, spot=item["scheduling"].get("provisioningModel") == "SPOT")


def _moved(cloud: Cloud, item: Json, target: Observed, body: Json, *, restart: bool) -> Observed:
    """Move the time limit of a machine that is stopped, or may be."""
    where = {"zone": target.zone, "instance": target.id}
    if item["status"] == "TERMINATED":
        operations.run(cloud, "instances.setScheduling", body=body, **where)
    elif restart:
        with ONE_AT_A_TIME:
            power(cloud, target, on=False)
            try:
                operations.run(cloud, "instances.setScheduling", body=body, **where)
            finally:
                power(cloud, target, on=True)
    else:
        raise _needs_a_stop(target, item["scheduling"]["terminationTime"])
    state = State.STOPPED if item["status"] == "TERMINATED" else State.RUNNING
    return replace(target, state=state, outputs={**target.outputs, "until": body.get("terminationTime", "")})


def _needs_a_stop(target: Observed, until: str) -> ProviderError:
    return ProviderError(
        f"GCE deletes {target.name} at {until}, and moves that only while the machine is stopped: "
        "stop it first, or set `restart_to_extend: true`",
        kind=Kind.UNSUPPORTED,
        code="DeadlineNeedsStop",
        hint=f"`provision ssh {target.name} sudo poweroff`, then `up` moves the deadline and starts it again; "
        "the option does so for one machine after the other",
    )


def _part(cloud: Cloud, change: Change) -> Observed:
    """Alter a firewall rule; the labels of networks are read from it, since theirs cannot be altered."""
    target = change.target
    if unknown := change.body.keys() - CHANGEABLE.get(target.kind, frozenset()):
        raise ProviderError(
            f"{target.name}: cannot change {', '.join(sorted(unknown))} in place", kind=Kind.UNSUPPORTED
        )
    after = change.labels or target.labels
    body: Json = {"description": labels.described(change.labels)} if change.labels else {}
    if "ssh_from" in change.body:
        body["sourceRanges"] = change.body["ssh_from"]
    if target.kind == parts.FIREWALL and body:
        name = target.outputs["name"]
        operations.run(cloud, "firewalls.patch", body={"name": name, **body}, firewall=name)
    return replace(target, labels=after)
