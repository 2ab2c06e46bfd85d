"""Additions as an Ignition 2.3 config (https://coreos.github.io/ignition/specs/), to which the user's is appended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.ignition import dataurl
from provision.firstboot.ignition2.model import NEWEST
from provision.firstboot.markers import RESERVED

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions, File, Unit
    from provision.model import Json


def render(additions: Additions) -> Json:
    """Return a config that holds the additions."""
    users = [{"name": user.name, "sshAuthorizedKeys": list(user.keys)} for user in additions.users]
    return {
        "ignition": {"version": NEWEST},
        **({"passwd": {"users": users}} if users else {}),
        "storage": {"files": [_file(file) for file in additions.files]},
        "systemd": {"units": [_unit(unit) for unit in additions.all_units]},
    }


def _file(file: File) -> Json:
    owner = {"id": file.owner} if isinstance(file.owner, int) else {"name": file.owner}
    return {
        "filesystem": "root",
        "path": file.path,
        "overwrite": True,
        "mode": file.mode,
        "contents": _contents(file.text),
        **({} if file.owner == "root" else {"user": owner}),
    }


def _contents(text: str) -> Json:
    if RESERVED in text:  # markers must stay readable
        return {"source": dataurl.escaped(text.encode())}
    source, packed = dataurl.encode(text.encode(), compress=True)
    return {"source": source, "compression": "gzip"} if packed else {"source": source}


def _unit(unit: Unit) -> Json:
    rendered: Json = {"name": unit.name}
    if unit.text is not None:
        rendered["contents"] = unit.text
    if unit.enabled is not None:
        rendered["enabled"] = unit.enabled
    if unit.drop_ins:
        rendered["dropins"] = [{"name": each.name, "contents": each.text} for each in unit.drop_ins]
    return rendered
