"""Additions as a ``#cloud-config`` of cloud-init, for images that run it: Debian, Ubuntu.

cloud-init has no section for units: they are files, and commands at the end enable them. The user's own part stays as
it is; both travel in a MIME message. Facts: https://docs.cloud-init.io/en/latest/explanation/format.html and
https://docs.cloud-init.io/en/latest/reference/merging.html
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from yaml import MappingNode

from provision.firstboot.butane import tree
from provision.firstboot.cloudconfig.emit import emit
from provision.firstboot.cloudconfig.kinds import HEADER
from provision.located import pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.additions.model import Additions, File, Unit
    from provision.model import Json

HOSTNAME = "/etc/hostname"
UNITS = "/etc/systemd/system"
MERGE = "dict(no_replace,recurse_list)+list(append)+str()"
"""How the user's part joins ours: its lists are appended. Single values that both have are left out of ours."""

TYPES = {
    "#cloud-config": "text/cloud-config",
    "#!": "text/x-shellscript",
    "#include": "text/x-include-url",
    "#cloud-boothook": "text/cloud-boothook",
    "## template: jinja": "text/jinja2",
}
"""MIME types by how a part begins."""


def render(additions: Additions, default_user: str) -> Json:
    """Return a cloud-config that holds the additions.

    Args:
        additions: what is added.
        default_user: whom the image's cloud-init makes by itself.
    """
    config: Json = {}
    for file in additions.files:
        if file.path == HOSTNAME:
            config |= {"hostname": file.text.strip(), "preserve_hostname": False}
    keys = [key for user in additions.users if user.name == default_user for key in user.keys]
    others = [
        {"name": user.name, "ssh_authorized_keys": list(user.keys)}
        for user in additions.users
        if user.name != default_user
    ]
    files = [_file(file) for file in additions.files if file.path != HOSTNAME]
    files += [each for unit in additions.all_units for each in _unit_files(unit)]
    commands = _commands(additions)
    config |= {"ssh_authorized_keys": keys} if keys else {}
    config |= {"users": ["default", *others]} if others else {}
    config |= {"write_files": files} if files else {}
    return config | ({"runcmd": commands} if commands else {})


def message(ours: Json, user: str) -> str:
    """Return the additions and the user's part as one MIME message; equal parts give equal bytes.

    Ours come first, since a command of the user's may end the rest.
    """
    taken = _keys(user)
    text = emit({name: value for name, value in ours.items() if isinstance(value, list) or name not in taken})
    return _mime(text, user)


def _keys(text: str) -> set[str]:
    """Return the sections of a cloud-config; nothing of another part."""
    if not text.startswith(HEADER):
        return set()
    try:
        root = tree.compose(text)
    except tree.YamlError:
        return set()
    return {key for key, _, _ in pairs(root)} if isinstance(root, MappingNode) else set()


def _mime(ours: str, user: str) -> str:
    boundary = f"provision-{hashlib.sha256(f'{ours}{user}'.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
    parts = (("provision.cfg", ours, ""), ("user", user, f"Merge-Type: {MERGE}\n"))
    lines = [f'Content-Type: multipart/mixed; boundary="{boundary}"', "MIME-Version: 1.0", ""]
    for name, text, header in parts:
        lines += [f"--{boundary}", f'Content-Type: {_type(text)}; charset="utf-8"', "MIME-Version: 1.0"]
        lines += [f'{header}Content-Disposition: attachment; filename="{name}"', "", text.removesuffix("\n"), ""]
    return "\n".join([*lines, f"--{boundary}--", ""])


def _type(text: str) -> str:
    return next((kind for begin, kind in TYPES.items() if text.startswith(begin)), "text/plain")


def _file(file: File) -> Json:
    rendered = {"path": file.path, "permissions": f"{file.mode:04o}", "content": file.text}
    # Users of packages and of this config come after the files of the first stage.
    return rendered if file.owner == "root" else {**rendered, "owner": f"{file.owner}:{file.owner}", "defer": True}


def _unit_files(unit: Unit) -> Iterator[Json]:
    texts = [(f"{UNITS}/{unit.name}", unit.text)] if unit.text is not None else []
    texts += [(f"{UNITS}/{unit.name}.d/{each.name}", each.text) for each in unit.drop_ins]
    for path, text in texts:
        yield {"path": path, "permissions": "0644", "content": text}


def _commands(additions: Additions) -> list[list[str]]:
    if not additions.all_units:
        return []
    wanted = [unit.name for unit in additions.all_units if unit.enabled]
    commands = [["systemctl", "daemon-reload"]]
    if wanted:
        # These commands are part of the boot: a unit that waits for its end must not be waited for.
        commands += [["systemctl", "enable", *wanted], ["systemctl", "restart", "--no-block", *wanted]]
    unwanted = [unit.name for unit in additions.all_units if unit.enabled is False]
    return commands + ([["systemctl", "disable", "--now", "--no-block", *unwanted]] if unwanted else [])
