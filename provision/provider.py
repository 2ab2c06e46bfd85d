"""The provider contract: what a plugin for one platform must offer.

A plugin imports this module, `provision.model`, `provision.errors`, `provision.diagnostics`, and nothing else of
ours. It is synchronous, since every SDK of the field blocks. It holds no retries, no printing, no signal handling
and no state: the engine owns these. SDK exceptions leave it only as `ProviderError`.

Register a plugin with the entry point group ``provision.providers``, and prove it with
`provision.testing.conformance`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from provision.diagnostics import Report
    from provision.errors import ProviderError
    from provision.model import Change, Json, Observed, Owner, Request, Wanted


@dataclass(frozen=True, slots=True)
class Traits:
    """What a platform can do, as data that the compiler and the engine read.

    `payload_limit` is in bytes after `encoding` ("plain", "base64" or "gzip+base64"), 0 for none. `platform` is
    Ignition's platform id. `batch` is the largest number of machines in one create call, `delete_batch` in one
    delete call. `concurrency` is how many calls may be under way, `rate` how many may start per second.
    `name_pattern` is the regular expression that machine names must match. `planned_addresses` says that machines
    get the private addresses that the request asks for. `power_off_deletes` says that a machine that switches itself
    off stops costing and vanishes. `host_address` is where machines reach a service that listens on the operator's
    loopback, or "" when they cannot.
    """

    formats: frozenset[str] = frozenset({"ignition"})
    platform: str = ""
    payload_limit: int = 0
    encoding: str = "plain"
    batch: int = 1
    delete_batch: int = 1
    idempotent: bool = False
    concurrency: int = 8
    rate: float = 10.0
    name_pattern: str = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
    planned_addresses: bool = False
    power_off_deletes: bool = False
    deletes_at_deadline: bool = False
    """The platform itself deletes a machine at the deadline that it was made with, whether anybody looks or not."""
    host_address: str = ""
    service: bool = False
    """Machines reach a service of the platform's own (`HasService`), which also hands out their planned addresses."""
    local: bool = False
    """The platform is this computer: nothing is billed, and the work directory is the platform."""
    kinds: tuple[str, ...] = ()
    """Kinds of parts in the order in which they are made; they are deleted in the reverse order."""
    changeable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields of a request's body, by kind, that `Provider.change` alters in place: {"firewall": {"rules"}}."""
    settle: float = 5.0
    """Seconds after a lost call in which its effect may still turn up in `Provider.list`."""
    account: frozenset[str] = frozenset()
    """The options that say which account and region is asked; the inventory asks those that agree in them once. Empty:
    all options together."""
    access: frozenset[str] = frozenset()
    """The options that only say how the platform and its image lists are reached: a machine does not become another one
    when they change, so they are not in its body."""
    no_dhcp: bool = False
    """Nobody gives machines addresses by DHCP, so each is asked for with its planned one, whether it votes or not."""
    tells_voters: bool = False
    """The body of a machine that votes in etcd says so by ``"etcd": true``, for platforms that keep voters apart."""
    private_interface: str = ""
    """udev's ID_PATH of the interface that the first-boot config must give the planned address, as systemd.network's
    ``[Match] Path=`` and NetworkManager's ``match.path`` take it; "" when the platform's own DHCP gives it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the shell hands to a provider.

    `work` is a directory of the provider's own, shared by all clusters (a local platform keeps its machines there).
    `cache` is for downloads. `clock` gives the time in UTC. `spec_dir` is where the spec's relative paths start.
    """

    work: Path
    cache: Path
    clock: Callable[[], datetime]
    spec_dir: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request, change or deletion of a batch.

    `name` is the request's or the target's. Exactly one of `observed` and `error` is set, but for a deletion that
    succeeded, which has neither.
    """

    name: str
    observed: Observed | None = None
    error: ProviderError | None = None
    notes: tuple[str, ...] = field(default=())


@runtime_checkable
class Provider(Protocol):
    """One platform. Instances are made per run and may be called from several threads at once."""

    name: ClassVar[str]
    traits: ClassVar[Traits]
    options_schema: ClassVar[str]
    """The JSON Schema of the provider's options: a file name within the plugin's package."""

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the arguments. No I/O and no SDK import here."""

    def check(self, wanted: Wanted) -> Report:
        """Look, without changing anything, for all that would stop `up`: credentials, image, size, quota, names."""

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return the shared things that the machines need. Pure: no I/O, the same answer each time.

        A part's name holds the cluster's uid when the platform cannot label it. Machines need every part unless
        the part's body says ``"after_machines": true``.
        """

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Report everything of one owner, or of all owners that provision ever served here.

        An owner whose uid is "" means every uid of that cluster's name. What has been deleted for good is not
        reported; what is being deleted is, as `State.DELETING`, for as long as its name or address is taken.

        Yield as you read, machines first: the engine, which polls this while machines start, reads on only until it has
        seen them.

        Raises:
            ProviderError: the platform could not be asked; never an incomplete list without an error.
        """

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make each thing once per token, whatever was lost before; an outcome for each request, in any order.

        A machine whose token already exists is reported, not made again; as `State.DELETING` when it has been deleted
        since. Several requests in one call are machines that differ in name and labels alone; all carry one token, the
        batch's, and the same call may come again. What a call has made is listed before the call returns.

        Errors that mean something to the engine: AMBIGUOUS says that the thing may exist, and the engine looks before
        it asks again; CAPACITY sends it to the next zone; ALREADY_EXISTS (also for a token that was used for another
        request) makes it look, then adopt, or ask again under the next generation.
        """

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels, protection or ports in place."""

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove each thing. Already gone is success.

        An outcome with neither thing nor error says that it is gone; one that holds it as `State.DELETING` says that it
        is going, and the engine polls `list` until it is listed no more. CONFLICT is tried again for a while.
        """


@runtime_checkable
class HasImages(Protocol):
    """A provider whose images have aliases that mean another image as time goes by; `cluster.lock` keeps the answer."""

    def resolve(self, image: str) -> str:
        """Return the id that an image alias means now; an id means itself.

        Raises:
            ProviderError: there is no such alias, or the platform's list cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Claim:
    """A machine of an inventory that a machine of the spec is to be; `address` is the one that it has there, or ""."""

    id: str
    address: str = ""


@runtime_checkable
class HasInventory(Protocol):
    """A provider whose machines are there before any cluster: its options list them, and those of the spec claim them.

    A claim is the machine's option `machine` from then on, and is kept in `cluster.lock`.
    """

    @classmethod
    def claims(cls, machines: Mapping[str, Json], kept: Mapping[str, str]) -> Mapping[str, Claim]:
        """Return who claims which machine of the inventory. Pure.

        Those that find none are missing; `check` says so.

        Args:
            machines: the options of the spec's machines by name, in the spec's order.
            kept: what they claimed before.
        """


@dataclass(frozen=True, slots=True)
class Service:
    """Where machines reach a lasting service. URLs without a slash at the end, as machines and this computer see them.

    `url` takes reports of first boots at ``/phone-home/NONCE``; `discovery_url` serves etcd's discovery tokens.
    """

    url: str
    discovery_url: str


@runtime_checkable
class HasService(Protocol):
    """A provider with a service of its own that machines reach for as long as they live (`Traits.service`)."""

    def service(self) -> Service:
        """Find the service, or start it.

        Raises:
            ProviderError: it does not run and cannot be started.
        """

    def report(self, machine: Observed) -> str:
        """Return the message that a machine posted after its first boot, "" when there is none yet."""

    def strangers(self) -> Sequence[Json]:
        """Return machines that asked the service and that no cluster claims: "name", "mac" and "last" (RFC 3339)."""


@runtime_checkable
class HasImport(Protocol):
    """A provider that makes an image of the platform's own out of a file, once."""

    def import_image(self, image: str, progress: Callable[[int, int], None]) -> str:
        """Import what an image's name means, such as a file or URL with its digest; return what it is called then.

        What has been imported already is found and not imported again.

        Args:
            image: as the spec names it.
            progress: is told bytes sent and bytes in all, now and then.

        Raises:
            ProviderError: the name means no file, its content has another digest, or the platform refuses it.
        """


@runtime_checkable
class HasSdk(Protocol):
    """A provider whose SDK may be there and yet not load; `provision doctor` tries it."""

    @classmethod
    def load_sdk(cls) -> None:
        """Import the SDK.

        Raises:
            ProviderMissing: it is missing or broken; the hint says how to install it.
        """


@runtime_checkable
class HasConsole(Protocol):
    """A provider that can show a machine's serial console."""

    def console(self, machine: Observed) -> str:
        """Return the console's text so far, as it is (escape sequences included)."""


@runtime_checkable
class HasPrices(Protocol):
    """A provider that knows what its machines cost."""

    def price(self, size: str, zone: str) -> float | None:
        """Return US dollars per hour, or None when it is not known."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What a machine is billed for besides its size.

    `kind` is "disk" or "address", `type` its name in the price list; `amount` counts GiB of disks, or addresses.
    """

    kind: str
    type: str
    amount: float = 1.0


@runtime_checkable
class HasExtras(Protocol):
    """A provider whose machines are billed for more than their size."""

    def billed(self, options: Json) -> Sequence[Billed]:
        """Return what a machine with these options is billed for besides its size. Pure.

        A disk whose size the image decides is left out.
        """


@runtime_checkable
class HasPriceList(Protocol):
    """A provider whose platform tells its prices."""

    def price_list(self) -> Json:
        """Return today's prices in the form of ``provision_schemas/prices/*.json``, of the regions that it can ask for.

        Raises:
            ProviderError: the platform could not be asked.
        """


@runtime_checkable
class HasUnlabelled(Protocol):
    """A provider that can tell what else there is on the account."""

    def unlabelled(self) -> Iterator[Observed]:
        """Report what bears no owner labels, of the kinds that `list` reports: what provision did not make.

        Raises:
            ProviderError: the platform could not be asked.
        """


@runtime_checkable
class HasPower(Protocol):
    """A provider that can switch machines on and off."""

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine; switching it to the state that it has is success."""
