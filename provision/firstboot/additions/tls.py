"""The TLS files of an etcd member: the authorities that it trusts, its certificate and its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import HOME as OURS
from provision.firstboot.additions.model import Additions, File
from provision.firstboot.slots import Kind, Slot

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context

HOME = f"{OURS}/tls"
CA, CERTIFICATE, KEY = "ca.crt", "etcd.crt", "etcd.key"

AUTHORITIES = Slot("etcd-ca", Kind.CERTIFICATE, 2048)
"""Two at a time while the authority is exchanged."""

MEMBER_CERTIFICATE = Slot("etcd-certificate", Kind.CERTIFICATE, 1536)
MEMBER_KEY = Slot("etcd-key", Kind.KEY, 320)


def files(context: Context) -> Additions:
    """Return the files of a voter of a cluster with TLS; nothing elsewhere."""
    etcd = context.cluster.etcd
    if etcd is None or not etcd.tls or not context.machine.etcd:
        return Additions()
    owner = context.system.etcd.owner
    return Additions(
        (
            File(f"{HOME}/{CA}", AUTHORITIES.marker),
            File(f"{HOME}/{CERTIFICATE}", MEMBER_CERTIFICATE.marker),
            File(f"{HOME}/{KEY}", MEMBER_KEY.marker, 0o600, owner),
        )
    )
