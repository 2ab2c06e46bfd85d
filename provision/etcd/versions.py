"""What differs between etcd's versions, as far as provision's variables go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    """`discovery` says that the version has a v2 discovery client; `tested` that our variables ran on it.

    `plain_srv` says that DNS SRV works without TLS: 3.4 fails on the lookup of ``_etcd-server-ssl`` (observed).
    """

    discovery: bool
    tested: bool
    plain_srv: bool = True


VERSIONS = {
    "3.4": Version(discovery=True, tested=True, plain_srv=False),
    "3.5": Version(discovery=True, tested=True),
    # v2 discovery and its fallback were removed: https://etcd.io/docs/v3.6/op-guide/configuration/
    "3.6": Version(discovery=False, tested=False),
}


def known(version: str) -> Version | None:
    """Return what is known of a version such as "3.4" or "3.4.23", or None."""
    return VERSIONS.get(".".join(version.split(".")[:2]))
