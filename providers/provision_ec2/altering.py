"""Altering what stays: labels, termination protection, and who may reach port 22."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision.providing.seen import changed
from provision_ec2 import parts, tags
from provision_ec2.machines import NEVER
from provision_ec2.making import ssh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Change, Json
    from provision_ec2.sdk import Cloud

CHANGEABLE = {parts.GROUP: frozenset({"ssh_from"})}
TAG_LIMIT = 1000
"""Resources in one CreateTags (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html)."""


def alter(cloud: Cloud, batch: Sequence[Change]) -> Iterator[Outcome]:
    """Make all changes; equal tags of many things go into one call."""
    failed: dict[str, ProviderError] = {}
    for change in batch:
        try:
            _attributes(cloud, change)
        except ProviderError as error:
            failed[change.target.id] = error
    for marks, changes in _alike([c for c in batch if c.target.id not in failed]):
        numbers = [number for change in changes for number in _marked(change)]
        try:
            for start in range(0, len(numbers), TAG_LIMIT):
                cloud.call("create_tags", Resources=numbers[start : start + TAG_LIMIT], Tags=tags.pairs(marks))
        except ProviderError as error:
            failed |= {change.target.id: error for change in changes}
    for change in batch:
        refusal = failed.get(change.target.id)
        yield Outcome(change.target.name, error=refusal) if refusal else Outcome(change.target.name, changed(change))


def _attributes(cloud: Cloud, change: Change) -> None:
    """Make the changes that are not tags, each a call of its own."""
    target = change.target
    if change.body:
        _ssh_from(cloud, target.id, change.body)
    if target.kind != MACHINE:
        return
    if change.protected is not None:
        cloud.call("modify_instance_attribute", InstanceId=target.id, DisableApiTermination={"Value": change.protected})
    before, after = (x.expires == NEVER if x else None for x in (target.labels, change.labels))
    if after is not None and before != after and target.outputs.get("lifecycle") != "spot":
        behaviour = {"Value": "stop" if after else "terminate"}
        cloud.call("modify_instance_attribute", InstanceId=target.id, InstanceInitiatedShutdownBehavior=behaviour)


def _alike(changes: Sequence[Change]) -> Iterator[tuple[dict[str, str], list[Change]]]:
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(json.dumps(_marks(change)), []).append(change)
    for text, group in groups.items():
        if marks := json.loads(text):
            yield marks, group


def _marks(change: Change) -> dict[str, str]:
    """Return the tags to write. Names and generations of machines never change, and those of a batch are shared."""
    batch = change.target.kind == MACHINE
    marks = tags.changed(change.target.labels, change.labels, batch=batch) if change.labels else {}
    if change.protected is not None:
        marks[tags.PROTECTED] = str(change.protected).lower()
    return marks


def _marked(change: Change) -> list[str]:
    """Return what bears the tags: the thing, and a machine's volumes and interfaces."""
    return [change.target.id, *change.target.outputs.get("attached", "").split()]


def _ssh_from(cloud: Cloud, group: str, body: Json) -> None:
    if unknown := body.keys() - CHANGEABLE[parts.GROUP]:
        raise ProviderError(f"{group}: cannot change {', '.join(sorted(unknown))} in place", kind=Kind.UNSUPPORTED)
    item = cloud.call("describe_security_groups", GroupIds=[group])["SecurityGroups"][0]
    present, wanted = _open_to(item), set(body["ssh_from"])
    # Opened first: an operator whose network stays is never locked out.
    for operation, cidrs in (
        ("authorize_security_group_ingress", wanted - present),
        ("revoke_security_group_ingress", present - wanted),
    ):
        if cidrs:
            cloud.call(operation, GroupId=group, IpPermissions=[ssh(cidr) for cidr in sorted(cidrs)])


def _open_to(item: Json) -> set[str]:
    rules = [p for p in item.get("IpPermissions", []) if p.get("FromPort") == 22 and p.get("ToPort") == 22]
    four = {r["CidrIp"] for rule in rules for r in rule.get("IpRanges", [])}
    return four | {r["CidrIpv6"] for rule in rules for r in rule.get("Ipv6Ranges", [])}
