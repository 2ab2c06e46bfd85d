"""All additions of one machine, in the order in which they are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions import etcd, machine, update, watch
from provision.firstboot.additions.system import system

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions
    from provision.firstboot.recipe import Slot
    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine

SLOTS = (watch.DEADLINE, watch.NONCE, watch.URL, etcd.BOOTSTRAP)


def additions(of: Machine, cluster: Cluster, traits: Traits, version: int) -> tuple[Additions, tuple[Slot, ...]]:
    """Return what one version of the additions adds to a machine, and the slots that it may hold."""
    here = system(of.os)
    added = (
        machine.hostname(of)
        + machine.keys(cluster)
        + machine.address(of, cluster.subnet, traits, here.network)
        + watch.deadline(version)
        + watch.phone_home(of, version)
        + update.update(cluster.update, here)
    )
    if of.etcd and cluster.etcd is not None:
        added += etcd.member(of, cluster.etcd, here, version)
    return added, SLOTS
