"""What `up` sees to once etcd is healthy: certificates past two thirds of their life are reissued.

A certificate that is due holds for another third of its life, so a machine that cannot be reached for it fails no `up`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from provision.apply.fleet import reached
from provision.apply.renewing import SECONDS, Renewing
from provision.errors import PartialFailure, ProvisionError
from provision.etcd.tls import served
from provision.pki import inspect
from provision.pki.rotation import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision.apply.certificates import Certificates
    from provision.apply.session import Session
    from provision.etcd.cluster import Cluster


def due(cluster: Cluster, certificates: Certificates) -> list[str]:
    """Return the members that show a certificate past two thirds of its life; those that show none are passed over."""
    found = []
    for name, url in cluster.endpoints.items():
        with suppress(ProvisionError):
            facts = inspect.read(served(url, cluster.tls, timeout=SECONDS)) if cluster.tls else None
            found += [name] if facts and facts.due(certificates.clock()) else []
    return found


def renew(
    session: Session, certificates: Certificates, names: list[str], identity: Path | None, tell: Callable[[str], None]
) -> None:
    """Reissue what is due over ssh, one member after another; tell of those where that failed.

    Raises:
        ProviderError: a platform could not be asked.
        StateError: the CA cannot be read.
    """
    etcd = session.cluster.etcd
    if not names or etcd is None or certificates.authorities().phase is not Phase.STEADY:
        return
    try:
        with reached(session, identity) as fleet:
            Renewing(fleet, certificates, etcd, tell).renew(every=False)
    except PartialFailure as error:
        for name, why in error.failures:
            tell(f"{name}: its certificate is due and was not renewed: {why}; `provision ca renew` tries again")
