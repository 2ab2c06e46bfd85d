"""Additions as an Ignition 3 config (https://coreos.github.io/ignition/specs/)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from provision.firstboot.additions.model import HOME
from provision.firstboot.ignition import dataurl
from provision.firstboot.markers import RESERVED

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions, File, Unit
    from provision.model import Json


def render(additions: Additions, version: str) -> Json:
    """Return a config of an Ignition 3 version that holds the additions."""
    users = [{"name": u.name, "sshAuthorizedKeys": list(u.keys)} for u in additions.users]
    return {
        "ignition": {"version": version},
        **({"passwd": {"users": users}} if users else {}),
        "storage": {"files": [_file(f) for f in additions.files]},
        "systemd": {"units": [_unit(u) for u in additions.all_units]},
    }


def _file(file: File) -> Json:
    owner = {"id": file.owner} if isinstance(file.owner, int) else {"name": file.owner}
    return {
        "path": file.path,
        "overwrite": True,
        "mode": file.mode,
        "contents": _contents(file),
        **({} if file.owner == "root" else {"user": owner}),
    }


@lru_cache(maxsize=256)
def _contents(file: File) -> Json:
    """Return the shortest form, but for texts with markers, which must stay readable.

    What a node config may override is never compressed: the field would stay when the user's contents take the place.
    """
    if RESERVED in file.text:
        return {"source": dataurl.escaped(file.text.encode())}
    source, packed = dataurl.encode(file.text.encode(), compress=file.path.startswith(HOME))
    return {"source": source, "compression": "gzip"} if packed else {"source": source}


def _unit(unit: Unit) -> Json:
    rendered: Json = {"name": unit.name}
    if unit.text is not None:
        rendered["contents"] = unit.text
    if unit.enabled is not None:
        rendered["enabled"] = unit.enabled
    if unit.drop_ins:
        rendered["dropins"] = [{"name": d.name, "contents": d.text} for d in unit.drop_ins]
    return rendered
