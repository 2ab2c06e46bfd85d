"""Machines and clusters as they are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.model import MACHINE, Observed, State
from provision_vagrant import record
from provision_vagrant.delivery import CLOUD
from provision_vagrant.place import is_uid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Owner
    from provision_vagrant.place import Place

PROVIDER, NETWORK = "vagrant", "network"
NOT_CREATED = "not_created"

STATES = {
    "running": State.RUNNING,
    "shutoff": State.STOPPED,
    "poweroff": State.STOPPED,
    "not_running": State.STOPPED,
    "aborted": State.STOPPED,
    "saved": State.STOPPED,
    "suspended": State.STOPPED,
    "paused": State.STOPPED,
    "starting": State.PENDING,
    "preparing": State.PENDING,
    "stopping": State.RUNNING,
    "gurumeditation": State.FAILED,
    "crashed": State.FAILED,
    "inaccessible": State.FAILED,
}
"""What libvirt, VirtualBox and VMware call their states, in Vagrant's spelling."""


def machine(at: Place, name: str, states: Mapping[str, str], *, busy: bool = False) -> Observed | None:
    """Report a machine; None when it was recorded, was made, and is gone since.

    Args:
        at: its cluster's place.
        name: its name.
        states: what Vagrant says of the cluster's machines; those that do not exist are missing.
        busy: whether somebody is at work on the cluster.
    """
    try:
        found = record.read(at, name)
    except FileNotFoundError:
        return None
    except ProviderError as error:
        # Found by its directory alone: who tidies up must see it too.
        return Observed(MACHINE, name, f"{at.uid}/{name}/", PROVIDER, State.FAILED, detail=error.message)
    said = states.get(name, NOT_CREATED)
    if said == NOT_CREATED and found.started:
        return None
    address = str(found.body.get("address") or "")
    state, detail = _state(found, said, busy=busy)
    return Observed(
        kind=MACHINE,
        name=name,
        id=found.id,
        provider=PROVIDER,
        state=state,
        labels=found.labels,
        token=found.token,
        addresses={"private": address} if address else {},
        reach=reach(address) if state is State.RUNNING else {},
        outputs={"directory": str(at.path), "console": str(at.machine(name) / record.CONSOLE)},
        size=str(found.size),
        protected=found.protected,
        created=found.created,
        detail=detail,
    )


def _state(found: record.Machine, said: str, *, busy: bool) -> tuple[State, str]:
    if found.started or (said != NOT_CREATED and found.config != CLOUD):
        return STATES.get(said, State.UNKNOWN), f"vagrant: {said}"
    if busy:
        return State.PENDING, "being brought up"
    # Whoever brought it up was ended. What has an Ignition config, and runs, needed nothing more of them.
    return State.FAILED, "bringing it up was broken off"


def reach(address: str) -> dict[str, str]:
    """Return how this computer gets to a machine: it is in the cluster's network itself."""
    return {"ssh": f"{address}:22", "etcd": f"{address}:2379"} if address else {}


def stray(uid: str, name: str, detail: str) -> Observed:
    """Report a machine that Vagrant knows and we have no record of."""
    return Observed(MACHINE, name, f"{uid}/{name}/", PROVIDER, State.FAILED, detail=detail)


def network(at: Place) -> Observed:
    """Report the part that all machines of a cluster need."""
    try:
        found = record.read_cluster(at)
    except ProviderError as error:
        return Observed(NETWORK, NETWORK, f"{at.uid}/{NETWORK}/", PROVIDER, State.FAILED, detail=error.message)
    return Observed(
        kind=NETWORK,
        name=found.name,
        id=f"{at.uid}/{NETWORK}/{found.token[:8]}",
        provider=PROVIDER,
        state=State.RUNNING,
        labels=found.labels,
        token=found.token,
        outputs={"directory": str(at.path), "subnet": found.subnet, "hypervisor": found.hypervisor},
        created=found.created,
    )


def is_of(thing: Observed, owner: Owner | None) -> bool:
    """Tell whether a thing is an owner's; what is damaged is of the uid whose directory it is in."""
    if owner is None:
        return True
    if thing.labels is None:
        return is_uid(owner.uid) and thing.id.startswith(f"{owner.uid}/")
    return thing.labels.cluster == owner.cluster and owner.uid in ("", thing.labels.uid)
