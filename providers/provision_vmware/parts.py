"""The shared things that a cluster's machines need on vSphere, as requests. Pure.

Names hold a dot, which no machine's name may, so the two never meet. Neither a folder nor a rule carries labels: the
names that they have on vSphere hold the cluster's uid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.providing.parts import part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Owner, Request, Wanted
    from provision_vmware.settings import Settings

PROVIDER = "vmware"
FOLDER, RULE = "folder", "anti-affinity"
KINDS = (FOLDER, RULE)
"""In the order in which they are made."""

CHANGEABLE = {RULE: frozenset({"members"})}
NAME_LIMIT = 80
"""Characters in an inventory name of vSphere."""

_RULE_PREFIX = "provision-"


def part_name(kind: str) -> str:
    """Return the name of a part, such as ``vmware.folder``."""
    return f"{PROVIDER}.{kind}"


def requests(wanted: Wanted, settings: Settings) -> Iterator[Request]:
    """Yield all parts, each after what it needs; a host has neither."""
    if settings.esxi:
        return
    folder = part_name(FOLDER)
    yield _part(wanted, FOLDER, {"name": folder_name(wanted.labels.whose)})
    voters = sorted(machine.name for machine in wanted.machines if machine.etcd)
    if settings.anti_affinity and len(voters) > 1:
        # vSphere refuses a rule for machines that do not exist.
        body = {"name": rule_name(wanted.labels.whose), "members": voters, "after_machines": True}
        yield _part(wanted, RULE, body, folder, *voters)


def folder_name(owner: Owner) -> str:
    """Return what a cluster's folder is called."""
    return f"{owner.cluster}.{owner.uid}"


def rule_name(owner: Owner) -> str:
    """Return what a cluster's rule is called, in the compute cluster's list of all rules."""
    return _RULE_PREFIX + folder_name(owner)


def owner_of(name: str) -> tuple[str, str] | None:
    """Return the cluster and uid that a folder's or rule's name holds; None when the name is not ours."""
    cluster, dot, uid = name.removeprefix(_RULE_PREFIX).partition(".")
    return (cluster, uid) if dot and cluster and uid.count("-") == 4 else None


def _part(wanted: Wanted, kind: str, body: Json, *needs: str) -> Request:
    return part(PROVIDER, wanted, kind, part_name(kind), body, *needs)
