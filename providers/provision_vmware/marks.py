"""Owner labels as a machine's extraConfig, written by the call that makes it.

Each key can be read alone, by a path such as ``config.extraConfig["provision.labels"]``: the whole of extraConfig holds
the first-boot config, 64 KiB for each machine, and a look at a cluster happens often.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.model import LABEL_KEYS, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Owner
    from provision_vmware.properties import Row

LABELS = "provision.labels"
TOKEN = "provision.token"  # noqa: S105 - no password
PROTECTED = "provision.protected"
ADDRESS = "provision.address"
CREATED = "provision.created"
CONSOLE = "provision.console"
UNFINISHED = "provision.unfinished"
MADE, READY = "made", "ready"
"""Values of `UNFINISHED`: it was made; it has all its devices. The mark goes when the machine has been switched on."""

KEYS = (LABELS, TOKEN, PROTECTED, ADDRESS, CREATED, CONSOLE, UNFINISHED)
PATHS = tuple(f'config.extraConfig["{key}"]' for key in KEYS)


def written(labels: Labels) -> dict[str, str]:
    """Return the entry that holds the labels."""
    return {LABELS: json.dumps(labels.to_dict(), separators=(",", ":"))}


def read(values: Mapping[str, str]) -> Labels | None:
    """Return the labels of a machine; None when it is not ours."""
    try:
        told = json.loads(values.get(LABELS, ""))
        return Labels.from_dict({key: str(told[key]) for key in LABEL_KEYS})
    except (ValueError, KeyError, TypeError):
        return None


def of(row: Row) -> dict[str, str]:
    """Return our entries of a machine that was read with `PATHS`."""
    found = {key: row.get(path) for key, path in zip(KEYS, PATHS, strict=True)}
    return {key: str(option.value) for key, option in found.items() if option is not None}


def belongs(labels: Labels | None, owner: Owner | None) -> bool:
    """Tell whether a thing is one owner's; an owner without a uid is everybody who gave his cluster that name."""
    if labels is None:
        return False
    return owner is None or (labels.cluster == owner.cluster and owner.uid in ("", labels.uid))


def notes(labels: Labels) -> str:
    """Return what people read of a machine in vSphere's own pages."""
    return (
        f"Made by provision for cluster {labels.cluster}, owner {labels.owner}, until {labels.expires}.\n"
        f"Change it through its spec (uid {labels.uid})."
    )
