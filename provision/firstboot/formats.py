"""The formats of first-boot configs: how the user's part and the additions are joined, and written as text.

A format is named by its Ignition spec ("3.3.0", "2.3.0"), or is coreos-cloudinit's or cloud-init's cloud-config. A
config of the latter two is a mapping without an ``ignition`` section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot import ignition, ignition2
from provision.firstboot.additions import render_cloudconfig, render_cloudinit, render_ignition2, render_ignition3
from provision.firstboot.cloudconfig.emit import emit
from provision.firstboot.ignition.merge import merge_config
from provision.firstboot.markers import USER_PART

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions
    from provision.model import Json

CLOUD_CONFIG = "cloud-config"
CLOUD_INIT = "cloud-init"


def format_of(config: Json) -> str:
    """Return a config's format."""
    if "ignition" in config:
        version: str = config["ignition"]["version"]
        return version
    return CLOUD_INIT if USER_PART in config else CLOUD_CONFIG


def is_ignition3(name: str) -> bool:
    """Whether a format is a spec of Ignition 3, whose configs can be merged, and replaced by compressed ones."""
    return name in ignition.VERSIONS


def joined(added: Additions, user: Json, default_user: str) -> Json:
    """Return the user's config laid over the additions.

    Args:
        added: what is added.
        user: the config, in any format.
        default_user: whom the image makes by itself.
    """
    name = format_of(user)
    if is_ignition3(name):
        return merge_config(render_ignition3.render(added, name), user, ignition.types(name))
    if name in ignition2.VERSIONS:
        return ignition2.append(render_ignition2.render(added), user)
    if name == CLOUD_CONFIG:
        return render_cloudconfig.joined(render_cloudconfig.render(added), user)
    return {**user, **render_cloudinit.render(added, default_user)}


def written(config: Json, *, pretty: bool = False) -> str:
    """Return a config's text; cloud-configs are as good for people as for machines.

    Raises:
        KeyError: an Ignition version that is not known.
    """
    name = format_of(config)
    if is_ignition3(name):
        return ignition.serialise(config, pretty=pretty)
    if name == CLOUD_CONFIG:
        return emit(config)
    if name == CLOUD_INIT:
        if not config[USER_PART]:
            return emit({section: value for section, value in config.items() if section != USER_PART})
        ours = {section: value for section, value in config.items() if section != USER_PART}
        return render_cloudinit.message(ours, config[USER_PART])
    return ignition2.serialise(config, pretty=pretty)
