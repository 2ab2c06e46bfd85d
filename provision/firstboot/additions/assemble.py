"""All additions of one machine, in the order in which they are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions import deadline, etcd, flannel, fleet, machine, phone_home, runtime, tls, update
from provision.firstboot.additions.context import Context
from provision.firstboot.additions.model import Additions
from provision.firstboot.additions.system import system

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine

BUILDERS: tuple[Callable[[Context], Additions], ...] = (
    machine.hostname,
    machine.keys,
    machine.address,
    deadline.deadline,
    phone_home.phone_home,
    update.update,
    tls.files,
    etcd.member,
    runtime.settings,
    flannel.flannel,
    fleet.fleet,
)

SLOTS = {
    slot.name: slot
    for slot in (
        deadline.DEADLINE,
        phone_home.NONCE,
        phone_home.URL,
        etcd.BOOTSTRAP,
        tls.AUTHORITIES,
        tls.MEMBER_CERTIFICATE,
        tls.MEMBER_KEY,
        tls.KEY_URL,
        flannel.ENDPOINTS,
    )
}
"""Every slot that additions may have, by name."""


def additions(of: Machine, cluster: Cluster, traits: Traits, version: int) -> Additions:
    """Return what one version of the additions adds to a machine."""
    context = Context(of, cluster, system(of.os, version), traits, version)
    return sum((build(context) for build in BUILDERS), Additions())
