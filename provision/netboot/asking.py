"""Who asks: what a machine's firmware says of itself in a query. Nothing of it is a credential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from provision.netboot.entry import mac

if TYPE_CHECKING:
    from provision.model import Json

LONGEST = 2048
ARCHITECTURES = {"i386": "amd64", "x86_64": "amd64", "arm64": "arm64", "aarch64": "arm64"}
"""iPXE's ``buildarch`` by what runs on it: a 32-bit iPXE starts 64-bit kernels."""


class Malformed(ValueError):
    """The query is not one that firmware sends."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What the machine says; "" for what it does not. `mac` is in lower case with colons, `uuid` in lower case."""

    mac: str = ""
    uuid: str = ""
    serial: str = ""
    architecture: str = ""

    def to_json(self) -> Json:
        """Return what is known, for a log."""
        return {"mac": self.mac, "uuid": self.uuid, "serial": self.serial}


def asking(query: str) -> Asking:
    """Read a query such as ``mac=52-54-00-98-00-01&uuid=...``; keys that are not known are passed over.

    Raises:
        Malformed: too long, a MAC address that is none, or characters that no firmware has.
    """
    if len(query) > LONGEST:
        raise Malformed("the query is too long")
    said: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if value and key not in said:
            said[key] = unquote_plus(value) if "%" in value or "+" in value else value
    uuid, serial = said.get("uuid", "").lower(), said.get("serial", "").strip()
    if len(uuid) > 36 or len(serial) > 128 or not (uuid + serial).isprintable():
        raise Malformed("uuid or serial cannot be one")
    return Asking(named(said.get("mac", "")), uuid, serial, ARCHITECTURES.get(said.get("arch", ""), ""))


def named(text: str) -> str:
    """Return a MAC address as entries have it, "" for none.

    Raises:
        Malformed: it is none.
    """
    try:
        return mac(text) if text else ""
    except ValueError as error:
        raise Malformed(str(error)) from None
