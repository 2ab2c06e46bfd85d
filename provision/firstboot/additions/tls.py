"""The TLS files of an etcd member: the authorities that it trusts, its certificate and its key.

Certificate and key are in the first-boot config; or, so that no platform keeps them, the machine fetches them once,
from whom the authority of its config vouches for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import HOME as OURS
from provision.firstboot.additions.model import Additions, File, Unit
from provision.firstboot.additions.system import filled, text
from provision.firstboot.slots import Kind, Slot

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context

HOME = f"{OURS}/tls"
CA, CERTIFICATE, KEY = "ca.crt", "etcd.crt", "etcd.key"

AUTHORITIES = Slot("etcd-ca", Kind.CERTIFICATE, 2048)
"""Two at a time while the authority is exchanged."""

MEMBER_CERTIFICATE = Slot("etcd-certificate", Kind.CERTIFICATE, 1536)
MEMBER_KEY = Slot("etcd-key", Kind.KEY, 320)
KEY_URL = Slot("etcd-key-url", Kind.URL, 256)

FETCH = "fetch-etcd-key"
FETCH_UNIT = "provision-etcd-key.service"


def files(context: Context) -> Additions:
    """Return the files of a voter of a cluster with TLS; nothing elsewhere."""
    etcd = context.cluster.etcd
    if etcd is None or not etcd.tls or not context.machine.etcd:
        return Additions()
    trusted = Additions((File(f"{HOME}/{CA}", AUTHORITIES.marker),))
    return trusted + (_fetched(context) if etcd.fetched else _carried(context))


def _carried(context: Context) -> Additions:
    return Additions(
        (
            File(f"{HOME}/{CERTIFICATE}", MEMBER_CERTIFICATE.marker),
            File(f"{HOME}/{KEY}", MEMBER_KEY.marker, 0o600, context.system.etcd.owner),
        )
    )


def _fetched(context: Context) -> Additions:
    unit = filled(context.version, FETCH_UNIT, etcd=context.system.etcd.unit)
    settings = f"PROVISION_KEY_URL={KEY_URL.marker}\nPROVISION_KEY_OWNER={context.system.etcd.owner}\n"
    return Additions(
        (
            File(f"{OURS}/etcd-key.env", settings, 0o600),
            File(f"{OURS}/{FETCH}", text(context.version, FETCH), 0o755),
        ),
        (Unit(FETCH_UNIT, unit),),
    )
