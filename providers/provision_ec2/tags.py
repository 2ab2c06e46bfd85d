"""Owner labels as EC2 tags, written in the call that makes the thing.

A machine made alone carries ``provision:machine`` and ``provision:generation``. Machines made by one RunInstances get
the same tags, so these carry ``provision:machines`` instead: the names in the order of their launch index, spelt
``web-1..50@1 gpu-3@2`` (name or range, ``@``, generation). So labels are complete at creation, without a further call.
Limits of tags (256 characters a value, 50 tags): https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.model import LABEL_KEYS, Labels
from provision.roster import read as read_roster
from provision.roster import write as write_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provision.model import Json, Owner

CLUSTER = f"{Labels.PREFIX}cluster"
UID = f"{Labels.PREFIX}uid"
MACHINE = f"{Labels.PREFIX}machine"
MACHINES = f"{Labels.PREFIX}machines"
PROTECTED = f"{Labels.PREFIX}protected"
VALUE_LIMIT = 256
_OWN = frozenset({"machine", "generation"})  # the labels that differ within a batch


def written(labels: Sequence[Labels], *, protected: bool = False) -> dict[str, str]:
    """Return the tags of a thing, or of the machines of one batch in the order of their launch index."""
    first = labels[0]
    alone = len(labels) == 1
    shared = {f"{Labels.PREFIX}{k}": v for k, v in first.to_dict().items() if alone or k not in _OWN}
    named = {} if alone else roster([(each.machine, each.generation) for each in labels])
    name = first.machine if alone else first.cluster
    return {"Name": name, **shared, **named, **({PROTECTED: "true"} if protected else {})}


def read(tags: Mapping[str, str], index: int = 0) -> Labels | None:
    """Return the labels of a thing, or of the machine with that launch index; None when it is not ours."""
    texts = {key: tags[f"{Labels.PREFIX}{key}"] for key in LABEL_KEYS if f"{Labels.PREFIX}{key}" in tags}
    try:
        if MACHINES in tags:
            machine, generation = members(tags)[index]
            texts |= {"machine": machine, "generation": str(generation)}
        return Labels.from_dict(texts)
    except (KeyError, ValueError, IndexError):
        return None


def changed(old: Labels | None, new: Labels, *, batch: bool) -> dict[str, str]:
    """Return the tags that must be written to go from one set of labels to another."""
    before = old.to_dict() if old else {}
    own = _OWN if batch else frozenset()
    return {
        f"{Labels.PREFIX}{k}": v for k, v in new.to_dict().items() if before.get(k) != v and k not in own
    }  # fmt: skip


def specification(kinds: Iterable[str], tags: Mapping[str, str]) -> list[Json]:
    """Return the parameter TagSpecifications that puts the same tags on each kind of resource."""
    return [{"ResourceType": kind, "Tags": pairs(tags)} for kind in kinds]


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the API takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def plain(item: Json) -> dict[str, str]:
    """Return the tags of an item that the API reported."""
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}


def filters(owner: Owner | None, name: str = "") -> list[Json]:
    """Return the parameter Filters that finds what one owner (or any) has, or one thing of his.

    An owner without a uid is everybody who gave his cluster that name.
    """
    if owner is None:
        return [{"Name": "tag-key", "Values": [UID]}]
    wanted = {f"tag:{CLUSTER}": owner.cluster, f"tag:{UID}": owner.uid, f"tag:{MACHINE}": name}
    return [{"Name": key, "Values": [value]} for key, value in wanted.items() if value]


def roster(machines: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Write names and generations into as many tags as they need."""
    return write_roster(machines, MACHINES, VALUE_LIMIT)


def members(tags: Mapping[str, str]) -> list[tuple[str, int]]:
    """Read what `roster` wrote.

    Raises:
        ValueError: the tags were changed by another hand.
    """
    return read_roster(tags, MACHINES)


def shared(labels: Labels) -> Labels:
    """Return labels without what differs within a batch, so that equal ones can go out together."""
    return replace(labels, machine="", generation=0)
