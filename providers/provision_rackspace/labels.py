"""Owner labels as Rackspace keeps them. Pure.

Servers carry metadata, one entry for each label, written by the call that makes them. Key pairs and cloud networks
carry nothing: their names hold the cluster and its uid.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.model import LABEL_KEYS, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Owner

PROTECTED = f"{Labels.PREFIX}protected"
TOKEN = f"{Labels.PREFIX}token"
LIMIT = 255
"""Characters in one metadata value."""

_UID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def metadata(labels: Labels, token: str, *, protected: bool = False) -> dict[str, str]:
    """Return the metadata of a machine: ten of the forty entries that a server may have."""
    marks = {f"{Labels.PREFIX}{key}": value for key, value in labels.to_dict().items()}
    return {**marks, TOKEN: token, **({PROTECTED: "true"} if protected else {})}


def read(marks: Mapping[str, str]) -> Labels | None:
    """Return the labels of a machine; None when it is not ours."""
    texts = {key: marks[f"{Labels.PREFIX}{key}"] for key in LABEL_KEYS if f"{Labels.PREFIX}{key}" in marks}
    try:
        return Labels.from_dict(texts)
    except (KeyError, ValueError):
        return None


def changed(old: Labels | None, new: Labels) -> dict[str, str]:
    """Return the metadata that must be written to go from one set of labels to another."""
    before = old.to_dict() if old else {}
    return {f"{Labels.PREFIX}{key}": value for key, value in new.to_dict().items() if before.get(key) != value}


def name(owner: Owner) -> str:
    """Return the name of what carries no labels: on the account it is the cluster's alone."""
    return f"provision-{owner.cluster}-{owner.uid}"


def named(text: str) -> tuple[str, str] | None:
    """Read what `name` wrote: cluster and uid; None when it is not ours."""
    found = re.fullmatch(rf"provision-(.+)-({_UID})", text)
    return (found[1], found[2]) if found else None


def whose(owner: Owner | None, cluster: str, uid: str) -> bool:
    """Tell whether a thing is an owner's; None owns all, and an owner without a uid all of that cluster's name."""
    return owner is None or (owner.cluster == cluster and owner.uid in ("", uid))
