"""Owner labels in OpenStack's three spellings, each written by the call that makes the thing. Pure.

Servers carry metadata, one entry for each label. Networks and their like carry none, so their description (at most 255
characters) holds all labels in one line, as a URL's query does. Images carry properties. Key pairs and server groups
carry nothing: their names hold the cluster and its uid.

Metadata: https://docs.openstack.org/api-ref/compute/#create-server. Machines of one batch share it, so they carry
``provision:machines``, see `provision.roster`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from provision.model import LABEL_KEYS, Labels
from provision.roster import read as read_roster
from provision.roster import write as write_roster

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provision.model import Owner

MACHINES = f"{Labels.PREFIX}machines"
PROTECTED = f"{Labels.PREFIX}protected"
TOKEN = f"{Labels.PREFIX}token"
LIMIT = 255
"""Characters in one metadata value, and in one description."""

_OWN = frozenset({"machine", "generation"})  # the labels that differ within a batch
_HEAD = "provision?"
_UID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def metadata(labels: Sequence[Labels], token: str, *, protected: bool = False) -> dict[str, str]:
    """Return the metadata of a machine, or of the machines of one batch in the order of their numbers."""
    alone = len(labels) == 1
    shared = {f"{Labels.PREFIX}{k}": v for k, v in labels[0].to_dict().items() if alone or k not in _OWN}
    names = {} if alone else write_roster([(each.machine, each.generation) for each in labels], MACHINES, LIMIT)
    return {**shared, **names, TOKEN: token, **({PROTECTED: "true"} if protected else {})}


def read(marks: Mapping[str, str], number: int = 0) -> Labels | None:
    """Return the labels of a thing, or of the machine of that number in its batch; None when it is not ours."""
    texts = {key: marks[f"{Labels.PREFIX}{key}"] for key in LABEL_KEYS if f"{Labels.PREFIX}{key}" in marks}
    try:
        if MACHINES in marks:
            machine, generation = read_roster(marks, MACHINES)[number]
            texts |= {"machine": machine, "generation": str(generation)}
        return Labels.from_dict(texts)
    except (KeyError, ValueError, IndexError):
        return None


def properties(labels: Labels) -> dict[str, str]:
    """Return the properties of an image."""
    return {f"{Labels.PREFIX}{key}": value for key, value in labels.to_dict().items()}


def changed(old: Labels | None, new: Labels, *, batch: bool) -> dict[str, str]:
    """Return the metadata that must be written to go from one set of labels to another."""
    before = old.to_dict() if old else {}
    own = _OWN if batch else frozenset()
    return {f"{Labels.PREFIX}{k}": v for k, v in new.to_dict().items() if before.get(k) != v and k not in own}


def description(labels: Labels) -> str:
    """Return the labels as the description of a network, a router and their like."""
    return _HEAD + urlencode(labels.to_dict(), safe="@:/,")


def described(text: str | None) -> Labels | None:
    """Read what `description` wrote; None when it is not ours."""
    if not text or not text.startswith(_HEAD):
        return None
    try:
        return Labels.from_dict(dict(parse_qsl(text[len(_HEAD) :], keep_blank_values=True)))
    except (KeyError, ValueError):
        return None


def name(owner: Owner, detail: str = "") -> str:
    """Return the name of what carries no labels: in the project, or the user's account, it is the cluster's alone."""
    return "-".join(filter(None, ("provision", owner.cluster, owner.uid, detail)))


def named(text: str) -> tuple[str, str, str] | None:
    """Read what `name` wrote: cluster, uid, detail; None when it is not ours."""
    found = re.fullmatch(rf"provision-(.+?)-({_UID})(?:-(.+))?", text)
    return (found[1], found[2], found[3] or "") if found else None


def whose(owner: Owner | None, cluster: str, uid: str) -> bool:
    """Tell whether a thing is an owner's; None owns all, and an owner without a uid all of that cluster's name."""
    return owner is None or (owner.cluster == cluster and owner.uid in ("", uid))


def is_of(owner: Owner | None, labels: Labels | None) -> bool:
    """Tell whether a labelled thing is an owner's."""
    return labels is not None and whose(owner, labels.cluster, labels.uid)


def shared(labels: Labels) -> Labels:
    """Return labels without what differs within a batch, so that equal ones can go out together."""
    return replace(labels, machine="", generation=0)
