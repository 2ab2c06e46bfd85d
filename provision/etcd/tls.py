"""Which certificates a client shows and trusts, as files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
