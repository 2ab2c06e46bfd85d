"""When a machine may reboot into a new system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import Additions, File

if TYPE_CHECKING:
    from provision.firstboot.additions.system import System
    from provision.spec.model import Update


def update(wanted: Update, system: System) -> Additions:
    """Return the update strategy for systems that update themselves.

    Flatcar: https://www.flatcar.org/docs/latest/setup/releases/update-strategies/; Fedora CoreOS:
    https://coreos.github.io/zincati/usage/updates-strategy/
    """
    if system.update == "locksmith":
        return Additions(files=(File(f"/etc/{_folder(system)}/update.conf", _locksmith(wanted)),))
    if system.update == "zincati":
        return Additions(files=(File("/etc/zincati/config.d/90-provision-updates.toml", _zincati(wanted)),))
    return Additions()


def _folder(system: System) -> str:
    return "flatcar" if system.name == "flatcar" else "coreos"


def _locksmith(wanted: Update) -> str:
    lines = [f"REBOOT_STRATEGY={wanted.strategy}"]
    if wanted.window_start:
        lines.append(f'LOCKSMITHD_REBOOT_WINDOW_START="{wanted.window_start}"')
        lines.append(f'LOCKSMITHD_REBOOT_WINDOW_LENGTH="{wanted.window_length}"')
    return "\n".join([*lines, ""])


def _zincati(wanted: Update) -> str:
    if wanted.strategy == "off":
        return "[updates]\nenabled = false\n"
    if not wanted.window_start:
        return '[updates]\nstrategy = "immediate"\n'
    day, _, start = wanted.window_start.rpartition(" ")
    days = f'"{day.capitalize()}"' if day else '"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"'
    window = f'days = [ {days} ]\nstart_time = "{start}"\nlength_minutes = {_minutes(wanted.window_length)}\n'
    return f'[updates]\nstrategy = "periodic"\n\n[[updates.periodic.window]]\n{window}'


def _minutes(text: str) -> int:
    from provision.spec.duration import parse

    return parse(text) // 60
