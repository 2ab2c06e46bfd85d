"""DNS names and IP addresses as subject alternative names (RFC 5280, section 4.2.1.6)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from cryptography import x509

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
MAX_DNS = 253


def alternative_names(texts: Iterable[str]) -> list[x509.GeneralName]:
    """Return names in the order given, each once.

    Raises:
        ProvisionError: a text is neither a DNS name in ASCII nor an IP address.
    """
    return [_name(text) for text in dict.fromkeys(texts)]


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    if len(text) <= MAX_DNS and _DNS.fullmatch(text):
        return x509.DNSName(text)
    hint = "write an address such as 10.0.0.11, or a DNS name (international ones in their xn-- form)"
    raise ProvisionError(f"{text!r} cannot stand in a certificate", hint=hint)
