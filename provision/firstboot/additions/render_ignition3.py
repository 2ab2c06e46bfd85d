"""Additions as an Ignition 3 config (https://coreos.github.io/ignition/specs/)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.ignition import dataurl
from provision.firstboot.recipe import MARK

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions, File, Unit
    from provision.model import Json

WITHOUT_COMPRESSION = "3.0."
"""The one version whose resources know no compression."""


def render(additions: Additions, version: str) -> Json:
    """Return a config of an Ignition 3 version that holds the additions."""
    config: Json = {
        "ignition": {"version": version},
        "storage": {"files": [_file(f, version) for f in additions.files]},
        "systemd": {"units": [_unit(u) for u in additions.units]},
    }
    if additions.keys:
        config["passwd"] = {"users": [{"name": additions.user, "sshAuthorizedKeys": list(additions.keys)}]}
    return config


def _file(file: File, version: str) -> Json:
    return {"path": file.path, "overwrite": True, "mode": file.mode, "contents": _contents(file.text, version)}


def _contents(text: str, version: str) -> Json:
    """Return the shortest form, but for texts with open slots: their markers must stay readable."""
    if MARK in text:
        return {"source": dataurl.escaped(text.encode())}
    source, packed = dataurl.encode(text.encode(), compress=not version.startswith(WITHOUT_COMPRESSION))
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
