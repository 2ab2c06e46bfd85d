"""The sections update and locksmith, which become ``/etc/coreos/update.conf``."""

from __future__ import annotations

from typing import Any

from provision.firstboot.ignition import dataurl
from provision.firstboot.ignition.golang import quote, to_bytes

Value = dict[str, Any]
PATH = "/etc/coreos/update.conf"
_UPDATE = ("server", "pcr_policy_server", "download_user", "download_password", "machine_alias")
_LOCKSMITH = {
    "reboot_strategy": "REBOOT_STRATEGY",
    "window_start": "LOCKSMITHD_REBOOT_WINDOW_START",
    "window_length": "LOCKSMITHD_REBOOT_WINDOW_LENGTH",
    "group": "LOCKSMITHD_GROUP",
    "etcd_endpoints": "LOCKSMITHD_ENDPOINT",
    "etcd_cafile": "LOCKSMITHD_ETCD_CAFILE",
    "etcd_certfile": "LOCKSMITHD_ETCD_CERTFILE",
    "etcd_keyfile": "LOCKSMITHD_ETCD_KEYFILE",
}


def update_file(update: Value, locksmith: Value) -> Value | None:
    """Return the file as a node of Ignition, or None where nothing is asked for."""
    # Only the group is not preceded by a newline, so a file without one begins with an empty line: as ct writes it.
    text = f"GROUP={update['group'].lower()}" if update.get("group") else ""
    text += "".join(f"\n{name.upper()}={update[name]}" for name in _UPDATE if update.get(name))
    text += "".join(
        f"\n{variable}={quote(locksmith[name])}" for name, variable in _LOCKSMITH.items() if name in locksmith
    )
    if not text:
        return None
    contents = {"source": dataurl.escaped(to_bytes(text))}
    return {"filesystem": "root", "path": PATH, "mode": 0o644, "contents": contents}
