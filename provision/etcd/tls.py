"""Which certificates a client shows and trusts, as files."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: the CA to trust (None for the system's), and the client's own certificate and key."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a client context.

        Raises:
            ProvisionError: a file is missing, or is not what it should be.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ProvisionError(f"the TLS files cannot be used: {error}") from error
        return context


def verification(url: str, tls: Tls | None) -> ssl.SSLContext | bool:
    """Return what httpx takes as `verify`; for plain http no CA bundle is loaded, which costs more than the request.

    Raises:
        ProvisionError: a TLS file cannot be used.
    """
    return tls.context() if tls else url.startswith("https:")


WORDS = {
    "certificate has expired": "its certificate has expired: `provision ca renew` reissues it",
    "certificate is not yet valid": "its certificate is not valid yet: a clock is wrong, here or there",
    "certificate is not valid for": "its certificate is for another name or address",
    "self-signed certificate": "its certificate is of another CA",
    "unable to get local issuer": "its certificate is of another CA",
    "certificate signature failure": "its certificate is of another CA",
    "alert certificate required": "it serves nobody without a client certificate",
    "alert certificate expired": "our client certificate has expired",
    "alert unknown ca": "our client certificate is of a CA that it does not trust",
    "alert bad certificate": "it does not take our client certificate, or there is none",
    "wrong version number": "it does not speak TLS",
}
"""By what OpenSSL says (its ERR_reason_error_string, and RFC 8446, section 6, for the alerts): what that means."""


def in_words(error: str) -> str:
    """Return what went wrong with TLS as a clause before OpenSSL's own text; other texts as they are."""
    meaning = next((words for text, words in WORDS.items() if text in error), "")
    return f"{meaning} ({error})" if meaning else error


def served(url: str, tls: Tls, *, timeout: float) -> bytes:
    """Return the certificate, PEM, that a member shows at an https URL, whether or not it can be trusted any more.

    Raises:
        ProvisionError: nobody answers there with TLS, within `timeout` seconds.
    """
    where = urlsplit(url)
    context = tls.context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # only looked at: nothing is sent or believed
    try:
        with (
            socket.create_connection((where.hostname or "", where.port or 443), timeout) as plain,
            context.wrap_socket(plain, server_hostname=where.hostname) as wrapped,
        ):
            found = wrapped.getpeercert(binary_form=True)
    except OSError as error:
        raise ProvisionError(f"{url} shows no certificate: {in_words(str(error))}") from error
    return ssl.DER_cert_to_PEM_cert(found or b"").encode()
