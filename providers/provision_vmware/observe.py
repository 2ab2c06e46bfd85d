"""What vSphere reports, as observations. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provision.model import MACHINE, Labels, Observed, State
from provision_vmware import marks, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provision.model import Owner
    from provision_vmware.properties import Row

PATHS = (
    "name",
    "parent",
    "runtime.powerState",
    "guest.net",
    "guest.ipAddress",
    "summary.config.numCpu",
    "summary.config.memorySizeMB",
    *marks.PATHS,
)
"""What is read of a machine."""

WAITING = "no address yet: its guest reports one through open-vm-tools"
UNFINISHED = "made, but not finished: it was never switched on"


def machine(row: Row) -> Observed:
    """Read a machine.

    One that was not finished is of generation 0: no request of the engine has made it yet, so the same request is sent
    again and finishes it, and a later run makes it anew.
    """
    told = marks.of(row)
    labels = marks.read(told)
    unfinished = marks.UNFINISHED in told and row.get("runtime.powerState") != "poweredOn"
    addresses = {"private": found} if (found := address(row, told.get(marks.ADDRESS, ""))) else {}
    state, detail = _state(row, bool(addresses))
    if unfinished:
        state, detail = State.FAILED, UNFINISHED
    return Observed(
        kind=MACHINE,
        name=labels.machine if labels else str(row.get("name")),
        id=row.id,
        provider=parts.PROVIDER,
        state=state,
        labels=replace(labels, generation=0) if labels and unfinished else labels,
        token="" if unfinished else told.get(marks.TOKEN, ""),
        addresses=addresses,
        outputs={"id": row.id},
        size=_size(row),
        protected=told.get(marks.PROTECTED) == "true",
        created=datetime.fromisoformat(told[marks.CREATED]) if marks.CREATED in told else None,
        detail=detail,
    )


def part(kind: str, number: str, name: str, like: Iterable[Labels]) -> Observed:
    """Read a folder or rule: it has the labels of the cluster's machines, as far as there are any.

    `name` is what it is called on vSphere.
    """
    cluster, uid = parts.owner_of(name) or ("", "")
    known = next((each for each in like if (each.cluster, each.uid) == (cluster, uid)), None)
    own = parts.part_name(kind)
    bare = Labels(cluster, uid, own, 1, "", "never", "")
    return Observed(
        kind=kind,
        name=own,
        id=number,
        provider=parts.PROVIDER,
        state=State.RUNNING,
        labels=replace(known, machine=own, generation=1) if known else bare,
        outputs={"id": number},
    )


def address(row: Row, planned: str = "") -> str:
    """Return the address that others reach a machine at; "" when it has reported none.

    A guest also reports addresses of its own bridges (their interfaces are no devices of the machine) and link-local
    ones; the planned address wins where the guest has it, and until it has reported anything.
    """
    found = list(_reported(row))
    if planned and (planned in found or not found):
        return planned
    return next((a for a in found if ":" not in a), next(iter(found), ""))


def belongs(name: str, owner: Owner | None) -> bool:
    """Tell whether a folder or rule of a name is one owner's."""
    found = parts.owner_of(name)
    if found is None:
        return False
    return owner is None or (found[0] == owner.cluster and owner.uid in ("", found[1]))


def _reported(row: Row) -> Iterator[str]:
    for nic in row.get("guest.net") or ():
        if nic.deviceConfigId >= 0:
            yield from filter(_usable, nic.ipAddress or ())
    if not row.get("guest.net") and _usable(given := str(row.get("guest.ipAddress") or "")):
        yield given


def _usable(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (found.is_link_local or found.is_unspecified or found.is_multicast)


def _state(row: Row, addressed: bool) -> tuple[State, str]:
    match row.get("runtime.powerState"):
        case "poweredOn":
            return (State.RUNNING, "") if addressed else (State.PENDING, WAITING)
        case "poweredOff" | "suspended":
            return State.STOPPED, ""
        case _:  # vSphere knows no more of it while it is being made
            return State.UNKNOWN, ""


def _size(row: Row) -> str:
    cpus, memory = row.get("summary.config.numCpu"), row.get("summary.config.memorySizeMB")
    return f"{cpus} cpus, {memory} MiB" if cpus else ""


def texts(options: Iterable[Any]) -> Mapping[str, str]:
    """Return extraConfig's options as texts."""
    return {option.key: str(option.value) for option in options}
