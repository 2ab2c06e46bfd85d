"""The first-boot config of the live system that installs: it writes the disk, says so, and boots from it."""

from __future__ import annotations

import base64
import json
import shlex
import string
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.model import Json
    from provision.netboot.entry import Artefact

HOME = "/etc/provision"
CONFIG, SCRIPT, IMAGE = f"{HOME}/install.ign", f"{HOME}/install", "/run/provision-install.image"
UNIT = "provision-install.service"
IGNITION, IGNITION_2 = "3.3.0", "2.3.0"

# The image is written once, however often the report of it has to be tried.
FRAME = """#!/bin/sh
set -eu
if [ ! -e /run/provision-installed ]; then
  @{fetch}
  @{install}
  : >/run/provision-installed
fi
curl --fail --silent --show-error --retry 5 --max-time 30 --request POST @{report}
systemctl reboot
"""
FETCH = """curl --fail --silent --show-error --location --output @{image} @{url}
  echo "@{sha256}  @{image}" | sha256sum --check"""
SERVICE = f"""[Unit]
Description=Write the system to the disk
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/bin/sh {SCRIPT}
Restart=on-failure
RestartSec=10
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
"""


class _Template(string.Template):
    """``@{name}``: what shell scripts never need."""

    delimiter = "@"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be installed: `os` to the disk `device`, with `payload` as its first-boot config.

    `image` lies at `image_url`; None where the installer fetches or brings its own. `report` is the URL that is told
    when it is done. `args` are the live system's kernel arguments.
    """

    os: str
    device: str
    payload: str
    report: str
    image: Artefact | None = None
    image_url: str = ""
    args: Sequence[str] = ()


def known(os: str) -> bool:
    """Whether an operating system can be installed."""
    return os in _table()


def needs_image(os: str) -> bool:
    """Whether an operating system's installer has no image of its own."""
    return "default" not in _table()[os]


def config(order: Order) -> str:
    """Return the Ignition config of the live system.

    Raises:
        ProviderError: the operating system cannot be installed, or needs an image and there is none.
    """
    if not known(order.os):
        raise ProviderError(f"{order.os} cannot be installed to a disk from here", kind=Kind.UNSUPPORTED)
    if order.image is None and needs_image(order.os):
        message = f"the installer of {order.os} brings no image"
        raise ProviderError(message, kind=Kind.INVALID, hint="name one in the image's `install`")
    files = [_file(CONFIG, order.payload, 0o600), _file(SCRIPT, script(order), 0o755)]
    old = order.os == "container-linux"
    if old:
        files = [{"filesystem": "root", **file} for file in files]
    unit = {"name": UNIT, "enabled": True, "contents": SERVICE}
    version = IGNITION_2 if old else IGNITION
    return json.dumps({"ignition": {"version": version}, "storage": {"files": files}, "systemd": {"units": [unit]}})


def script(order: Order) -> str:
    """Return the script that installs."""
    row = _table()[order.os]
    consoles = [a for a in order.args if a.startswith("console=")] if "console" in row else []
    values = {
        "device": shlex.quote(order.device),
        "config": CONFIG,
        "image": IMAGE,
        "url": shlex.quote(order.image_url),
        "sha256": order.image.sha256 if order.image else "",
        "report": shlex.quote(order.report),
        "consoles": " ".join(shlex.quote(_Template(row["console"]).substitute(argument=a)) for a in consoles),
    }
    streams = "stream" in row
    text = row["stream"] if streams else row["image" if order.image else "default"]
    fetch = FETCH if order.image and not streams else ":"
    parts = {"install": _Template(text).substitute(values), "fetch": _Template(fetch).substitute(values)}
    return _Template(FRAME).substitute(values, **parts)


def _file(path: str, text: str, mode: int) -> Json:
    source = "data:;base64," + base64.b64encode(text.encode()).decode()
    return {"path": path, "mode": mode, "contents": {"source": source}}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files("provision_pxe").joinpath("installers.toml").read_text("utf-8"))
