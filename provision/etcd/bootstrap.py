"""How an etcd cluster comes together the first time: which mode, and why. Pure.

- *static*: every voter knows all addresses beforehand; needs nothing at run time.
- *private*: provision's own discovery service, on the operator's computer while `up` runs.
- *url*: another discovery service of etcd's v2 protocol.
- *srv*: DNS SRV records that the user publishes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provision.etcd.versions import VERSIONS, known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.diagnostics import Report
    from provision.spec.model import Etcd

PUBLIC = "discovery.etcd.io"
"""The public service, which answers with errors more often than not: https://github.com/etcd-io/etcd/issues/21915"""

TRAIL = ("etcd", "bootstrap")


class Mode(StrEnum):
    """How the voters find each other."""

    STATIC = "static"
    PRIVATE = "private"
    URL = "url"
    SRV = "srv"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision stands on.

    `addresses` maps each voter, in the spec's order, to its planned address or DNS name, "" where the platform
    assigns one. `host_address` is where machines reach a service on the operator's computer, "" when they cannot.
    """

    addresses: Mapping[str, str]
    host_address: str = ""

    @property
    def planned(self) -> bool:
        """Whether all addresses are known before any machine exists."""
        return all(self.addresses.values())


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The decision: what `provision.etcd.variables` needs. `reason` is for the plan."""

    mode: Mode
    addresses: Mapping[str, str]
    reason: str
    version: str = "3.4"
    tls: bool = False
    url: str = ""
    domain: str = ""
    size: int = field(default=0)

    @property
    def needs_token(self) -> bool:
        """Whether `up` has to make a discovery token for each generation."""
        return self.mode in (Mode.PRIVATE, Mode.URL)


def decide(etcd: Etcd, facts: Facts, report: Report) -> Bootstrap | None:
    """Choose the mode that the spec asks for, or report why it cannot be.

    Args:
        etcd: the spec's section.
        facts: what is known of the voters and of the way to this computer.
        report: gets the findings PV450 to PV459.
    """
    mode, reason = _choose(etcd, facts, report)
    before = len(report.errors)
    if mode is None:
        return None
    _check_version(etcd, mode, report)
    _check_mode(etcd, mode, facts, report)
    if len(report.errors) > before:
        return None
    url = etcd.discovery.rstrip("/") if mode is Mode.URL else ""
    domain = etcd.domain if mode is Mode.SRV else ""
    size = len(facts.addresses)
    return Bootstrap(mode, facts.addresses, reason, etcd.version, etcd.tls, url, domain, size)


def _choose(etcd: Etcd, facts: Facts, report: Report) -> tuple[Mode | None, str]:
    if etcd.bootstrap != "auto":
        return _asked(etcd), "the spec asks for it"
    if facts.planned:
        return Mode.STATIC, "every voter's address is planned"
    found = known(etcd.version)
    if facts.host_address and (found is None or found.discovery):
        return Mode.PRIVATE, "the platform assigns addresses, and machines reach this computer"
    why = (
        "machines cannot reach this computer" if not facts.host_address else f"etcd {etcd.version} has no v2 discovery"
    )
    report.error(
        "PV450",
        f"etcd's bootstrap cannot be chosen: the platform assigns the addresses, and {why}",
        path=TRAIL,
        hint="give the voters addresses (network.subnet, machines.NAME.address), a discovery URL, or srv",
    )
    return None, ""


def _asked(etcd: Etcd) -> Mode:
    if etcd.bootstrap == "discovery":
        return Mode.PRIVATE if etcd.discovery == "private" else Mode.URL
    return Mode(etcd.bootstrap)


def _check_version(etcd: Etcd, mode: Mode, report: Report) -> None:
    version = known(etcd.version)
    if version is None:
        hint = f"known are {', '.join(VERSIONS)}; the variables of the newest are written"
        report.warning("PV451", f"etcd {etcd.version} is not known to provision", path=("etcd", "version"), hint=hint)
    elif not version.tested:
        message = f"what provision writes for etcd {etcd.version} follows its documentation and was never run"
        report.warning("PV452", message, path=("etcd", "version"))
    if mode in (Mode.PRIVATE, Mode.URL) and version is not None and not version.discovery:
        message = f"etcd {etcd.version} has no v2 discovery client"
        report.error("PV453", message, path=TRAIL, hint="take static or srv, or etcd 3.5")
    if mode is Mode.SRV and not etcd.tls and version is not None and not version.plain_srv:
        message = f"etcd {etcd.version} finds nobody by SRV records unless it has TLS"
        report.error("PV459", message, path=TRAIL, hint="write `tls: true`, or take another mode")


def _check_mode(etcd: Etcd, mode: Mode, facts: Facts, report: Report) -> None:
    if mode is Mode.STATIC and not facts.planned:
        unknown = ", ".join(name for name, address in facts.addresses.items() if not address)
        message = f"static bootstrap needs addresses that are known beforehand; {unknown} has none"
        report.error("PV454", message, path=TRAIL, hint="plan addresses, or write `bootstrap: {discovery: private}`")
    if mode is Mode.PRIVATE and not facts.host_address:
        message = "private discovery needs machines that reach this computer, and on this platform they do not"
        hint = "run `provision discovery serve` where they reach it, and write `bootstrap: {discovery: URL}`"
        report.error("PV455", message, path=TRAIL, hint=hint)
    if mode is Mode.URL:
        _check_url(etcd.discovery, report)
    if etcd.tls and not etcd.fetched and mode is not Mode.SRV and not facts.planned:
        message = "etcd with TLS needs addresses that are known beforehand: they stand in the certificates"
        hint = "write `tls: {keys: fetched}`, plan addresses, or take srv with DNS names"
        report.error("PV458", message, path=("etcd", "tls"), hint=hint)


def _check_url(url: str, report: Report) -> None:
    last = url.rstrip("/").rpartition("/")[2]
    if len(last) == 32 and set(last) <= set("0123456789abcdef"):
        message = "the discovery URL holds a token; a token serves one bootstrap and then breaks every later one"
        report.error(
            "PV456", message, path=(*TRAIL, "discovery"), hint=f"write the service alone: {url[: url.rindex('/')]}"
        )
    if urlsplit(url).hostname == PUBLIC:
        message = f"{PUBLIC} is often down and nobody looks after it"
        hint = "take `discovery: private`, or run `provision discovery serve` on a host of yours"
        report.warning("PV457", message, path=(*TRAIL, "discovery"), hint=hint)
