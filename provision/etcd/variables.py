"""etcd's settings for one machine, as environment variables. Pure.

Variables only, never flags: etcd 3.4 refuses to start when a setting comes both ways, and the units of the operating
systems set some variables themselves. Names: https://etcd.io/docs/v3.4/op-guide/configuration/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.etcd.bootstrap import Bootstrap, Mode
from provision.etcd.versions import known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLIENT_PORT = 2379
PEER_PORT = 2380


@dataclass(frozen=True, slots=True)
class Timing:
    """Raft's clock in milliseconds. An election takes ten heartbeats; emulated or far-apart machines need more.

    https://etcd.io/docs/v3.4/tuning/#time-parameters
    """

    heartbeat: int = 100
    election: int = 1000


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the machine keeps its PEM files; `certificate` needs both usages, server and client."""

    ca: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: its name, and the address or DNS name that it advertises (a shell variable where it is unknown)."""

    name: str
    address: str
    data_dir: str = ""
    timing: Timing = Timing()
    files: CertificateFiles | None = None

    @property
    def client_url(self) -> str:
        """The URL at which clients find the member."""
        return url(self.scheme, self.address, CLIENT_PORT)

    @property
    def peer_url(self) -> str:
        """Where the other members reach it."""
        return url(self.scheme, self.address, PEER_PORT)

    @property
    def scheme(self) -> str:
        """The URLs' scheme: https with certificates."""
        return "https" if self.files else "http"


def first(node: Node, boot: Bootstrap, *, cluster_token: str, discovery_url: str = "") -> dict[str, str]:
    """Return the variables of a voter of a new cluster.

    Args:
        node: the machine.
        boot: how the cluster comes together.
        cluster_token: unique to this cluster and generation, so that members of two clusters never mix.
        discovery_url: the token's URL as the machine reaches it, for the modes that need one.
    """
    if boot.mode is Mode.SRV:
        node = _named(node, boot.domain)
    return {
        **settled(node),
        **meeting(node, boot, cluster_token, discovery_url),
    }


def joining(node: Node, peers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the variables of a member that was added to a running cluster.

    Args:
        node: the machine.
        peers: every member's name and peer URLs from the member list, this machine's included.
    """
    return {**settled(node), **existing(peers)}


def existing(peers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the variables by which a member finds a cluster that runs; `peers` as for `joining`."""
    initial = ",".join(f"{name}={peer}" for name, urls in sorted(peers.items()) for peer in urls)
    return {"ETCD_INITIAL_CLUSTER": initial, "ETCD_INITIAL_CLUSTER_STATE": "existing"}


def zone(boot: Bootstrap, *, ttl: int = 300) -> str:
    """Return the records of the SRV mode as text for a zone file; `ttl` in seconds.

    https://etcd.io/docs/v3.4/op-guide/clustering/#dns-discovery
    """
    suffix = "-ssl" if boot.tls else ""
    lines = []
    for service, port in (("server", PEER_PORT), ("client", CLIENT_PORT)):
        owner = f"_etcd-{service}{suffix}._tcp.{boot.domain}."
        lines += [f"{owner} {ttl} IN SRV 0 0 {port} {name}.{boot.domain}." for name in boot.addresses]
    for name, address in boot.addresses.items():
        if address:
            lines.append(f"{name}.{boot.domain}. {ttl} IN {'AAAA' if ':' in address else 'A'} {address}")
    return "".join(f"{line}\n" for line in lines)


def url(scheme: str, address: str, port: int) -> str:
    """Return a URL; an IPv6 address gets its brackets."""
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


def _named(node: Node, domain: str) -> Node:
    return Node(node.name, f"{node.name}.{domain}", node.data_dir, node.timing, node.files)


def settled(node: Node) -> dict[str, str]:
    """Return the variables that a machine has for life, however its cluster comes together or changes."""
    variables = {
        "ETCD_NAME": node.name,
        # On every address: a second network card may not have its own yet when etcd starts.
        "ETCD_LISTEN_CLIENT_URLS": url(node.scheme, "0.0.0.0", CLIENT_PORT),  # noqa: S104
        "ETCD_LISTEN_PEER_URLS": url(node.scheme, "0.0.0.0", PEER_PORT),  # noqa: S104
        "ETCD_ADVERTISE_CLIENT_URLS": url(node.scheme, node.address, CLIENT_PORT),
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": node.peer_url,
        "ETCD_HEARTBEAT_INTERVAL": str(node.timing.heartbeat),
        "ETCD_ELECTION_TIMEOUT": str(node.timing.election),
    }
    if node.data_dir:
        variables["ETCD_DATA_DIR"] = node.data_dir
    return {**variables, **(_tls(node.files) if node.files else {})}


def _tls(files: CertificateFiles) -> dict[str, str]:
    kinds = ("", "PEER_")
    variables: dict[str, str] = {}
    for kind in kinds:
        variables[f"ETCD_{kind}CERT_FILE"] = files.certificate
        variables[f"ETCD_{kind}KEY_FILE"] = files.key
        variables[f"ETCD_{kind}TRUSTED_CA_FILE"] = files.ca
        variables[f"ETCD_{kind}CLIENT_CERT_AUTH"] = "true"
    return variables


def meeting(node: Node, boot: Bootstrap, cluster_token: str, discovery_url: str) -> dict[str, str]:
    """Return the variables by which a voter of a new cluster finds the others; arguments as `first`."""
    if boot.needs_token:
        # Without this a machine too many turns silently into a proxy.
        return {"ETCD_DISCOVERY": discovery_url, "ETCD_DISCOVERY_FALLBACK": "exit"}
    shared = {"ETCD_INITIAL_CLUSTER_TOKEN": cluster_token, "ETCD_INITIAL_CLUSTER_STATE": "new"}
    if boot.mode is Mode.SRV:
        version = known(boot.version)
        fallback = {"ETCD_DISCOVERY_FALLBACK": "exit"} if version and version.discovery else {}
        return {"ETCD_DISCOVERY_SRV": boot.domain, **shared, **fallback}
    peers = (f"{name}={url(node.scheme, address, PEER_PORT)}" for name, address in boot.addresses.items())
    return {"ETCD_INITIAL_CLUSTER": ",".join(peers), **shared}
