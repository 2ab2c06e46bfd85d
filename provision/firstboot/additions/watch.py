"""The deadline at which a machine ends itself, and the report of its first boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import HOME, Additions, File, Unit
from provision.firstboot.additions.system import text
from provision.firstboot.recipe import Kind, Slot

if TYPE_CHECKING:
    from provision.spec.model import Machine

DEADLINE = Slot("deadline", Kind.DEADLINE, 20)
NONCE = Slot("nonce", Kind.NONCE, 32)
URL = Slot("phone-home-url", Kind.URL, 256)


def deadline(version: int) -> Additions:
    """Return the timer that powers the machine off; the deadline is a file, so that it can be moved later."""
    files = (
        File(f"{HOME}/deadline", f"{DEADLINE.marker}\n"),
        File(f"{HOME}/end-at-deadline", text(version, "end-at-deadline"), 0o755),
    )
    service, timer = "provision-deadline.service", "provision-deadline.timer"
    return Additions(files, (Unit(service, text(version, service)), Unit(timer, text(version, timer), enabled=True)))


def phone_home(machine: Machine, version: int) -> Additions:
    """Return the unit that reports the first boot's outcome once: on the console, and to a URL if there is one."""
    settings = f"PROVISION_MACHINE={machine.name}\nPROVISION_NONCE={NONCE.marker}\nPROVISION_URL={URL.marker}\n"
    files = (
        File(f"{HOME}/phone-home.env", settings, 0o600),
        File(f"{HOME}/phone-home", text(version, "phone-home"), 0o755),
    )
    service = "provision-phone-home.service"
    return Additions(files, (Unit(service, text(version, service), enabled=True),))
