"""Additions as an Ignition 3 config (https://coreos.github.io/ignition/specs/)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.ignition import dataurl

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions, File, Unit
    from provision.model import Json


def render(additions: Additions, version: str) -> Json:
    """Return a config of an Ignition 3 version that holds the additions.

    Contents are percent-escaped, never compressed: the markers of slots must stay readable.
    """
    config: Json = {
        "ignition": {"version": version},
        "storage": {"files": [_file(f) for f in additions.files]},
        "systemd": {"units": [_unit(u) for u in additions.units]},
    }
    if additions.keys:
        config["passwd"] = {"users": [{"name": additions.user, "sshAuthorizedKeys": list(additions.keys)}]}
    return config


def _file(file: File) -> Json:
    contents = {"source": dataurl.escaped(file.text.encode())}
    return {"path": file.path, "overwrite": True, "mode": file.mode, "contents": contents}


def _unit(unit: Unit) -> Json:
    rendered: Json = {"name": unit.name}
    if unit.text is not None:
        rendered["contents"] = unit.text
    if unit.enabled is not None:
        rendered["enabled"] = unit.enabled
    if unit.drop_ins:
        rendered["dropins"] = [{"name": d.name, "contents": d.text} for d in unit.drop_ins]
    return rendered
