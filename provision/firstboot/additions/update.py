"""When a machine may reboot into a new system.

Flatcar: https://www.flatcar.org/docs/latest/setup/releases/update-strategies/; Fedora CoreOS:
https://coreos.github.io/zincati/usage/updates-strategy/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions import tls
from provision.firstboot.additions.etcd import environment
from provision.firstboot.additions.model import Additions, DropIn, File, Unit
from provision.firstboot.additions.system import filled
from provision.spec.duration import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.additions.context import Context
    from provision.spec.model import Update

LOCK = "etcd-lock"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LOCK_DROP_IN = "20-provision-lock.conf"


def update(context: Context) -> Additions:
    """Return the update strategy for systems that update themselves."""
    writer = WRITERS.get(context.system.update)
    return writer(context) if writer else Additions()


def _locksmith(context: Context) -> Additions:
    wanted = context.cluster.update
    locks = wanted.strategy == LOCK and context.machine.etcd
    # Without a member of its own a machine cannot take the lock, and must not reboot without it.
    lines = [f"REBOOT_STRATEGY={'off' if wanted.strategy == LOCK and not locks else wanted.strategy}"]
    if wanted.window_start:
        lines.append(f'LOCKSMITHD_REBOOT_WINDOW_START="{wanted.window_start.capitalize()}"')
        lines.append(f'LOCKSMITHD_REBOOT_WINDOW_LENGTH="{_minutes(wanted)}m"')
    found = Additions(files=(File(context.system.update_file, "\n".join([*lines, ""])),))
    return found + _tls_to_lock(context) if locks else found


def _tls_to_lock(context: Context) -> Additions:
    if context.cluster.etcd is None or not context.cluster.etcd.tls:
        return Additions()
    variables = {
        "LOCKSMITHD_ENDPOINT": "https://127.0.0.1:2379",
        "LOCKSMITHD_ETCD_CAFILE": f"{tls.HOME}/{tls.CA}",
        "LOCKSMITHD_ETCD_CERTFILE": f"{tls.HOME}/{tls.CERTIFICATE}",
        "LOCKSMITHD_ETCD_KEYFILE": f"{tls.HOME}/{tls.KEY}",
    }
    text = filled(context.version, LOCK_DROP_IN, environment=environment(variables))
    return Additions(units=(Unit("locksmithd.service", drop_ins=(DropIn(LOCK_DROP_IN, text),)),))


def _zincati(context: Context) -> Additions:
    return Additions(files=(File(context.system.update_file, _zincati_text(context.cluster.update)),))


def _zincati_text(wanted: Update) -> str:
    if wanted.strategy != "reboot":
        return "[updates]\nenabled = false\n"
    if not wanted.window_start:
        return '[updates]\nstrategy = "immediate"\n'
    day, _, start = wanted.window_start.rpartition(" ")
    days = ", ".join(f'"{name}"' for name in ([day.capitalize()] if day else DAYS))
    window = f'days = [ {days} ]\nstart_time = "{start}"\nlength_minutes = {_minutes(wanted)}\n'
    return f'[updates]\nstrategy = "periodic"\n\n[[updates.periodic.window]]\n{window}'


def _minutes(wanted: Update) -> int:
    return parse(wanted.window_length) // 60


WRITERS: dict[str, Callable[[Context], Additions]] = {"locksmith": _locksmith, "zincati": _zincati}
