"""The report of a machine's first boot: once, on the console, and to a URL if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.firstboot.additions.model import HOME, Additions, File, Unit
from provision.firstboot.additions.system import text
from provision.firstboot.slots import Kind, Slot

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context

NONCE = Slot("nonce", Kind.NONCE, 32)
URL = Slot("phone-home-url", Kind.URL, 256)
SERVICE = "provision-phone-home.service"


def phone_home(context: Context) -> Additions:
    """Return the unit that reports, and what it needs to know."""
    settings = f"PROVISION_MACHINE={context.machine.name}\nPROVISION_NONCE={NONCE.marker}\nPROVISION_URL={URL.marker}\n"
    files = (
        File(f"{HOME}/phone-home.env", settings, 0o600),
        File(f"{HOME}/phone-home", text(context.version, "phone-home"), 0o755),
    )
    return Additions(files, (Unit(SERVICE, text(context.version, SERVICE), enabled=True),))
