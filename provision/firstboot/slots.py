"""Slots: what only `up` knows, each with a kind that says which texts may fill it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from provision.firstboot.markers import SLOT


class Kind(StrEnum):
    """What a slot is for."""

    BOOTSTRAP = "bootstrap"  # how an etcd member finds the others: a token's URL, or the initial cluster
    DEADLINE = "deadline"
    NONCE = "nonce"
    URL = "url"
    ENDPOINTS = "endpoints"  # etcd members' client URLs
    CERTIFICATE = "certificate"
    KEY = "key"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class Slot:
    """An open place: its name, what it is for, and the largest material in bytes that it takes."""

    name: str
    kind: Kind
    max_size: int

    @property
    def marker(self) -> str:
        """The text that stands for it in the config."""
        return f"{SLOT}{self.name}~)"


def _pem(label: str, times: str) -> str:
    return rf"(-----BEGIN {label}-----\n([A-Za-z0-9+/=]{{1,76}}\n)+-----END {label}-----\n?){times}"


# A variable's value must stay what it is in systemd's EnvironmentFile= and in podman's --env-file.
_VARIABLE = r"ETCD_[A-Z0-9_]+=[^\s\"'\\$`#;]*"
FORMS: dict[Kind, tuple[str, str]] = {
    Kind.BOOTSTRAP: (rf"{_VARIABLE}(\n{_VARIABLE})*", "lines of ETCD_NAME=value"),
    Kind.DEADLINE: (r"never|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "an RFC 3339 time in UTC, or never"),
    Kind.NONCE: (r"[0-9a-f]{16,64}", "16 to 64 hex digits"),
    Kind.URL: (r"(https?://[^\s\"'\\$`]+)?", "an http or https URL, or nothing"),
    Kind.ENDPOINTS: (r"https?://[^\s\"'\\$`,]+(,https?://[^\s\"'\\$`,]+)*", "http or https URLs with commas"),
    Kind.CERTIFICATE: (_pem("CERTIFICATE", "+"), "certificates in PEM"),
    Kind.KEY: (_pem("(EC |RSA )?PRIVATE KEY", "{1}"), "a private key in PEM"),
    Kind.SECRET: (r"[^\0]*", "a text without NUL"),
}
"""By kind: which texts are materials, and how to say it. No material may break out of the line that it stands in."""


def fault(slot: Slot, material: str) -> str | None:
    """Return what is wrong with a material, without showing it; None when nothing is."""
    size = len(material.encode())
    if size > slot.max_size:
        return f"{slot.name} has {size} bytes, and room for {slot.max_size} [PV406]"
    pattern, words = FORMS[slot.kind]
    if not re.fullmatch(pattern, material):
        return f"{slot.name} is not what it should be: {words} [PV401]"
    return None
