"""Whom the connection trusts: the system's CAs, a CA of the user's, or exactly one certificate.

pyvmomi's own ``thumbprint`` is no pin: it is looked at only after the usual verification has failed, and so widens
trust where it should narrow it. A pin here is a context that knows one certificate and nothing else.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from pathlib import Path

    from provision_vmware.settings import Settings

SHA1_DIGITS = 40
TIMEOUT = 10.0
"""Seconds in which a server must show its certificate."""


def context(settings: Settings, base: Path) -> ssl.SSLContext:
    """Return what verifies the server; `base` is where a relative `ca_file` starts.

    Raises:
        ProviderError: the CA cannot be read, the certificate is not the pinned one, or the server does not answer.
    """
    if settings.pin:
        return _pinned(settings)
    if not settings.ca_file:
        return ssl.create_default_context()
    path = base / settings.ca_file
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        message = f"the CA {path} cannot be used: {error}"
        raise ProviderError(message, kind=Kind.INVALID, code="CAFile", hint="check the option `ca_file`") from error


def fingerprint(certificate: bytes) -> str:
    """Return a certificate's SHA-256 as administrators compare it: pairs of hex digits with colons."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def _pinned(settings: Settings) -> ssl.SSLContext:
    certificate = _shown(settings.host, settings.port)
    if fingerprint(certificate).replace(":", "") != settings.pin.replace(":", "").upper():
        raise ProviderError(
            f"{settings.server} shows another certificate than the pinned one: SHA-256 {fingerprint(certificate)}",
            kind=Kind.AUTH,
            code="WrongCertificate",
            hint="somebody is in between, or the certificate was renewed: compare it at the server, then change `pin`",
        )
    return _only(certificate)


def of_host(host: str, port: int, thumbprint: str) -> ssl.SSLContext:
    """Return what verifies an ESXi host that vCenter has named, with the thumbprint that vCenter told of it.

    That is a SHA-1 in all versions of the API; the connection that it came over is verified.

    Raises:
        ProviderError: the host shows another certificate, or vCenter told none.
    """
    certificate = _shown(host, port)
    digest = hashlib.sha1 if len(thumbprint.replace(":", "")) == SHA1_DIGITS else hashlib.sha256
    if not thumbprint or digest(certificate).digest().hex(":").upper() != thumbprint.upper():
        raise ProviderError(
            f"{host} shows another certificate than vCenter says it has", kind=Kind.AUTH, code="WrongCertificate"
        )
    return _only(certificate)


def _only(certificate: bytes) -> ssl.SSLContext:
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.check_hostname = False  # the certificate itself is what is expected
    pinned.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    pinned.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(certificate))
    return pinned


def _shown(host: str, port: int) -> bytes:
    """Return the certificate that a server shows, which nobody has verified."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=TIMEOUT) as plain,
            anybody.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True) or b""
    except OSError as error:
        message = f"{host}:{port} does not answer: {error}"
        raise ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True, code="NoConnection") from error
