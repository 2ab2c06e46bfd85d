"""Additions as a cloud-config of coreos-cloudinit, joined with the user's own into one document.

coreos-cloudinit runs when the system is up: what is enabled is started as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions, File, Unit, User
    from provision.model import Json

DEFAULT_USER = "core"
HOSTNAME = "/etc/hostname"


def render(additions: Additions) -> Json:
    """Return a cloud-config that holds the additions."""
    config: Json = {}
    files = [_file(file) for file in additions.files if file.path != HOSTNAME]
    for file in additions.files:
        if file.path == HOSTNAME:
            config["hostname"] = file.text.strip()
    keys = [key for user in additions.users if user.name == DEFAULT_USER for key in user.keys]
    users = [_user(user) for user in additions.users if user.name != DEFAULT_USER]
    units = [_unit(unit) for unit in additions.units]
    config |= {"ssh_authorized_keys": keys} if keys else {}
    config |= {"users": users} if users else {}
    config |= {"write_files": files} if files else {}
    units += [{"name": "fleet.service", "command": "start"}] if additions.fleet else []
    sections: Json = {"units": units} if units else {}
    sections |= {"fleet": {"metadata": additions.fleet}} if additions.fleet else {}
    return config | ({"coreos": sections} if sections else {})


def joined(ours: Json, user: Json) -> Json:
    """Return the additions with the user's cloud-config after them: lists are joined, single values are the user's."""
    result = {**ours, **user}
    for name in ours.keys() & user.keys():
        first, second = ours[name], user[name]
        if isinstance(first, list):
            result[name] = [*first, *second]
        elif isinstance(first, dict):
            result[name] = joined(first, second)
    return result


def _file(file: File) -> Json:
    return {"path": file.path, "permissions": f"{file.mode:04o}", "owner": str(file.owner), "content": file.text}


def _user(user: User) -> Json:
    return {"name": user.name, "ssh_authorized_keys": list(user.keys)}


def _unit(unit: Unit) -> Json:
    rendered: Json = {"name": unit.name}
    if unit.text is not None:
        rendered["content"] = unit.text
    if unit.drop_ins:
        rendered["drop_ins"] = [{"name": each.name, "content": each.text} for each in unit.drop_ins]
    return rendered | ({"enable": True, "command": "start"} if unit.enabled else {})
