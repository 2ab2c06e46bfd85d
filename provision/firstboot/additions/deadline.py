"""The deadline at which a machine ends itself. It is a file, so that it can be moved later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import HOME, Additions, File, Unit
from provision.firstboot.additions.system import text
from provision.firstboot.slots import Kind, Slot

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context

DEADLINE = Slot("deadline", Kind.DEADLINE, 20)
SERVICE, TIMER = "provision-deadline.service", "provision-deadline.timer"


def deadline(context: Context) -> Additions:
    """Return the timer that powers the machine off; it is there even for `never`, which may change."""
    files = (
        File(f"{HOME}/deadline", f"{DEADLINE.marker}\n"),
        File(f"{HOME}/end-at-deadline", text(context.version, "end-at-deadline"), 0o755),
    )
    timer = Unit(TIMER, text(context.version, TIMER), enabled=True)
    return Additions(files, (Unit(SERVICE, text(context.version, SERVICE)), timer))
