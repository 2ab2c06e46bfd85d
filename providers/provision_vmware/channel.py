"""How a first-boot config reaches a machine: as guestinfo properties, which the guest reads through its tools.

Ignition reads data and encoding each for itself, first from the properties and then from the OVF environment, so both
are always set: an encoding that an OVA left there would be taken for ours
(https://coreos.github.io/ignition/supported-platforms/, VMware). When it is done it overwrites the data with ``e30K``,
base64 for ``{}``; nobody compares it with what was sent.
"""

from __future__ import annotations

import base64
import gzip
import ipaddress
from typing import TYPE_CHECKING

from provision_vmware.settings import Settings

if TYPE_CHECKING:
    from provision.model import Request

LIMIT = 65_536
"""Bytes of one guestinfo value, encoded: what open-vm-tools hands over."""

ENCODING = "gzip+base64"
IGNITION = "guestinfo.ignition.config.data"
LEGACY = "guestinfo.coreos.config.data"
CLOUD_INIT = "guestinfo.userdata"
KARGS = "guestinfo.afterburn.initrd.network-kargs"
CLOUD_INIT_SYSTEMS = frozenset({"debian"})
READS_LEGACY = frozenset({"container-linux"})
"""Systems whose Ignition (0.x) knows the old name alone."""


def properties(request: Request) -> dict[str, str]:
    """Return the guestinfo properties of a machine."""
    found = {name: value for key in _keys(request) for name, value in _pair(key, request.payload)}
    if CLOUD_INIT in found:
        metadata = f'{{"instance-id": "{request.token}", "local-hostname": "{request.name}"}}'
        found |= dict(_pair("guestinfo.metadata", _encoded(metadata)))
    return found | kargs(request)


def kargs(request: Request) -> dict[str, str]:
    """Return the kernel arguments that give a machine its planned address in its first boot.

    The form is dracut's ``ip=ADDRESS::GATEWAY:NETMASK:HOSTNAME:INTERFACE:none:DNS:DNS``
    (https://www.man7.org/linux/man-pages/man7/dracut.cmdline.7.html).
    """
    settings = Settings.read(request.body.get("options", {}))
    address = request.body.get("address", "")
    if not settings.planned or not address:
        return {}
    given = settings.addresses
    gateway = ipaddress.IPv4Interface(given.gateway)
    words = [address, "", str(gateway.ip), str(gateway.netmask), request.name, given.interface, "none", *given.dns]
    return {KARGS: f"ip={':'.join(words)}"}


def _keys(request: Request) -> tuple[str, ...]:
    system = request.body.get("os", "")
    if _is_ignition(request.payload):
        return (IGNITION, LEGACY) if system in READS_LEGACY else (IGNITION,)
    # coreos-cloudinit reads the old name; Ignition sees that it is none of its own and leaves it.
    return (CLOUD_INIT,) if system in CLOUD_INIT_SYSTEMS else (IGNITION, LEGACY)


def _pair(key: str, value: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (key, value), (f"{key}.encoding", ENCODING)


def _encoded(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _is_ignition(payload: str) -> bool:
    try:
        return gzip.decompress(base64.b64decode(payload)).lstrip()[:1] == b"{"
    except (OSError, EOFError, ValueError):
        return True
