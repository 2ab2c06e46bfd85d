"""Altering what stays: labels, protection, and who may reach port 22."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision.providing.seen import changed
from provision_openstack import labels, listing, parts
from provision_openstack.shared import SINGULAR, allow, ssh, unless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Change, Json, Labels
    from provision_openstack.sdk import Cloud

CHANGEABLE = {parts.GROUP: frozenset({"ssh_from"})}


def alter(cloud: Cloud, batch: Sequence[Change]) -> Iterator[Outcome]:
    """Make all changes, one call for each thing."""
    for change in batch:
        try:
            _alter(cloud, change)
        except ProviderError as error:
            yield Outcome(change.target.name, error=error)
        else:
            yield Outcome(change.target.name, changed(change))


def _alter(cloud: Cloud, change: Change) -> None:
    target = change.target
    if change.body:
        _ssh_from(cloud, target.id, change.body)
    if target.kind == MACHINE:
        _metadata(cloud, change)
    elif change.labels and target.kind == parts.IMAGE:
        _properties(cloud, target.id, change.labels)
    elif change.labels and target.kind in SINGULAR:
        path, single = listing.PATHS[target.kind][0], SINGULAR[target.kind]
        body = {single: {"description": labels.description(change.labels)}}
        cloud.call("network", "PUT", f"{path}/{target.id}", body)


def _metadata(cloud: Cloud, change: Change) -> None:
    # A batch's roster holds names and generations; they never change.
    marks = labels.changed(change.target.labels, change.labels, batch=True) if change.labels else {}
    if change.protected is not None:
        marks[labels.PROTECTED] = str(change.protected).lower()
    if marks:
        cloud.call("compute", "POST", f"/servers/{change.target.id}/metadata", {"metadata": marks})


def _properties(cloud: Cloud, image: str, wanted: Labels) -> None:
    changes = [{"op": "add", "path": f"/{key}", "value": value} for key, value in labels.properties(wanted).items()]
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    cloud.call("image", "PATCH", f"/images/{image}", changes, headers=headers)


def _ssh_from(cloud: Cloud, group: str, body: Json) -> None:
    if unknown := body.keys() - CHANGEABLE[parts.GROUP]:
        raise ProviderError(f"{group}: cannot change {', '.join(sorted(unknown))} in place", kind=Kind.UNSUPPORTED)
    item = cloud.call("network", "GET", f"/security-groups/{group}")["security_group"]
    rules: list[Json] = [r for r in item["security_group_rules"] if _opens_ssh(r)]
    # Opened first: an operator whose network stays is never locked out.
    allow(cloud, [ssh(group, cidr) for cidr in body["ssh_from"]], rules)
    for rule in rules:
        if rule["remote_ip_prefix"] not in body["ssh_from"]:
            unless(Kind.NOT_FOUND, cloud, "network", "DELETE", f"/security-group-rules/{rule['id']}")


def _opens_ssh(rule: Json) -> bool:
    return bool(rule["direction"] == "ingress" and rule.get("remote_ip_prefix") and rule.get("port_range_min") == 22)
