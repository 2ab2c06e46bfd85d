"""The cluster spec as values: what `load` returns when a spec has no error.

Defaults are filled in and nothing is left to interpret: durations are seconds, lists are tuples, every machine of
every pool is spelt out. Where a finding may be made later (by the compiler, a provider or the plan), `places` leads
from a path in the document to its line and column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network
    from pathlib import Path

    from provision.diagnostics import Diagnostic, Span
    from provision.diagnostics import Path as Trail
    from provision.model import Json


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What the user writes for a pool's machines.

    `format` is "butane", "ignition", "container-linux" or "cloud-config". `text` is the config itself, `file` the
    name that findings show, `directory` where its `local:` files are looked up. `line` and `column` say where an
    inline text starts in the spec; one that is quoted or folded has a name of its own, since its lines are not the
    spec's.
    """

    format: str
    text: str
    file: str
    directory: Path
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret comes from; exactly one source is set. It is read only by `up`."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None
    max_size: int = 4096


@dataclass(frozen=True, slots=True)
class Etcd:
    """How etcd is formed.

    `bootstrap` is "auto", "static", "discovery" or "srv"; `discovery` is "private" or a URL; `domain` belongs to
    "srv". `version` is the major and minor version that the machines run, such as "3.4". `fetched` says that voters
    fetch their private keys, which are else in their first-boot configs.
    """

    bootstrap: str = "auto"
    discovery: str = "private"
    domain: str = ""
    version: str = "3.4"
    tls: bool = False
    fetched: bool = False


@dataclass(frozen=True, slots=True)
class Reception:
    """Where machines reach what `up` serves: `host` as they know it, two ports from `port`, on the address `listen`."""

    host: str
    port: int
    listen: str = "0.0.0.0"  # noqa: S104 - machines come from outside; what is served there asks for nonces


@dataclass(frozen=True, slots=True)
class Update:
    """When machines may reboot into a new system: strategy "reboot", "etcd-lock" or "off", and a weekly window."""

    strategy: str = "off"
    window_start: str = ""
    window_length: str = ""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Settings of the container runtime; what is None, "" or empty is left as the system has it.

    `engine` is "docker", "containerd", "podman" or "" for the operating system's own choice. `mirrors` are base URLs of
    mirrors of docker.io, `insecure_registries` hosts with ports.
    """

    engine: str = ""
    mirrors: tuple[str, ...] = ()
    insecure_registries: tuple[str, ...] = ()
    storage_driver: str = ""
    log_driver: str = ""
    log_max_size: str = ""
    log_max_files: int | None = None
    live_restore: bool | None = None


@dataclass(frozen=True, slots=True)
class Flannel:
    """The overlay network of all containers: its CIDR, the prefix length of a machine's part, flannel's backend."""

    network: str
    subnet_length: int = 24
    backend: str = "vxlan"


@dataclass(frozen=True, slots=True)
class Payloads:
    """Where first-boot configs lie that fit into no channel.

    `store` is an s3://, gs://, http:// or https:// URL without a slash at its end, or "serve". `fetch` is "signed" or
    "role". `url` is where machines reach the boot service, "" for the reception of `up`.
    """

    store: str
    fetch: str = "signed"
    url: str = ""

    @property
    def scheme(self) -> str:
        """The store's sort: "s3", "gs", "http" or "serve"; the name of what keeps bodies in plans and lists."""
        return {"https": "http"}.get(found := self.store.partition("://")[0], found)


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine as the spec wants it, its pool's and its own settings merged.

    `address` is the planned private address, which platforms that choose addresses themselves ignore. `options` are
    the provider's, with the pool's and the machine's laid over them. `claim` is the machine of an inventory that it is
    to be, or "". `path` leads to the pool; `Cluster.origin` to
    where a single setting stands. `fleet` is fleet's metadata in the spec's order.
    """

    name: str
    pool: str
    index: int
    provider: str
    os: str
    size: str | Json
    image: str
    config: NodeConfig | None
    template: bool
    variables: Mapping[str, str | int | float | bool]
    etcd: bool
    zones: tuple[str, ...] = ()
    address: str = ""
    options: Json = field(default_factory=dict)
    claim: str = ""
    path: Trail = ()
    fleet: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent, in US dollars; None is no limit."""

    per_hour: float | None = None
    per_month: float | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A whole cluster spec.

    `ttl` is in seconds, None for never. `providers` maps each provider's name to its options; what keeps payloads that
    are too large is among them, by its scheme. `subnet` is the network
    in which private addresses are planned, where a provider honours them. `digest` is the SHA-256 of the spec's text
    and of every file that it names, in hex.
    """

    name: str
    owner: str
    ttl: int | None
    protect: bool
    budget: Budget
    os: str
    ssh_keys: tuple[str, ...]
    ssh_from: tuple[str, ...]
    subnet: IPv4Network
    etcd: Etcd | None
    update: Update
    secrets: Mapping[str, Secret]
    providers: Mapping[str, Json]
    machines: tuple[Machine, ...]
    digest: str
    file: str
    directory: Path
    places: Mapping[Trail, Span] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), repr=False)
    runtime: Runtime | None = None
    flannel: Flannel | None = None
    payloads: Payloads | None = None
    reception: Reception | None = None

    def host(self, own: str) -> str:
        """Return where machines reach this computer, by the spec or by their platform's `own` way; "" for nowhere."""
        return self.reception.host if self.reception else own

    def machine(self, name: str) -> Machine:
        """Return the machine of that name.

        Raises:
            KeyError: there is none.
        """
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise KeyError(name)

    def pools(self) -> tuple[str, ...]:
        """Return the pools' names in the spec's order."""
        return tuple(dict.fromkeys(m.pool for m in self.machines))

    def voters(self) -> tuple[Machine, ...]:
        """Return the machines that vote in etcd."""
        return tuple(m for m in self.machines if m.etcd)

    def origin(self, machine: Machine, *setting: str) -> Trail:
        """Return the path of a machine's setting: its own where it has one, else the pool's."""
        own = ("machines", machine.name, *setting)
        return own if own in self.places else (*machine.path, *setting)

    def place(self, path: Trail) -> Span | None:
        """Return the place of the deepest node on a path that the document has."""
        return next((self.places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.places), None)
