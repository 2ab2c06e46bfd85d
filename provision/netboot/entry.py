"""What the boot service knows of a machine: what it shall boot (written by providers), and how far it came (by us)."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
HEX = frozenset("0123456789abcdef")
ARGUMENT = re.compile(r"[\x20-\x7e]+")
OPERATORS = frozenset({"||", "&&", ";"})
"""Words that iPXE takes for its own; a ``${`` it would expand."""
NO_UUIDS = frozenset({
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
})  # fmt: skip
"""UUIDs that firmware reports when its maker wrote none."""
NO_SERIALS = frozenset(
    {"", "none", "default string", "to be filled by o.e.m.", "system serial number", "0", "123456789"}
)


class Mode(StrEnum):
    """How a machine runs."""

    LIVE = "live"  # from memory; after its first boot was reported, only `reinstall` lets it boot again
    INSTALL = "install"  # the live system writes to the disk, from which it boots ever after


class Desired(StrEnum):
    """What a machine that asks shall be told."""

    BOOT = "boot"
    WAIT = "wait"  # claimed, but its config is not there yet: it asks again every few seconds
    LOCAL = "local"  # boot from the disk, whatever its state


class State(StrEnum):
    """How far a machine came. It goes forward only, until its entry gets another nonce."""

    UNKNOWN = "unknown"  # no entry names it
    PENDING = "pending"  # nothing was heard of it
    LOADING = "loading"  # it was told what to boot
    IGNITED = "ignited"  # it has fetched its config
    INSTALLED = "installed"  # it says that the system is on its disk
    UP = "up"  # its phone-home came


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that machines load. The service downloads it from `source` and serves it once its SHA-256 is right.

    `name` is what firmware sees, such as ``vmlinuz``; `sha256` is in lower-case hex; `source` is an http or https URL,
    or the absolute path of a file on this computer.
    """

    name: str
    sha256: str
    source: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", self.name):
            raise ValueError(f"{self.name!r} cannot name a file that machines load")
        if len(self.sha256) != 64 or not HEX.issuperset(self.sha256):
            raise ValueError(f"{self.name}: {self.sha256!r} is no SHA-256 in lower-case hex")

    @property
    def path(self) -> str:
        """Where it lies in the cache, and below ``/artefacts/``."""
        return f"{self.sha256}/{self.name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one machine shall boot. Written whole by its provider; see `provision.netboot.store`.

    `id` is unique among all machines of the store. A machine is recognised by one of its `macs` (lower case, colons),
    else by `uuid`, else by `serial`. `architecture` is "amd64" or "arm64". `os` is the spec's word (`flatcar`, `fcos`,
    `container-linux`, `lab`) and decides the kernel arguments that name the config; `args` come before those.
    `config` is the SHA-256 of the first-boot config, set by `BootStore.put`; "" is a machine that is not ready.
    `nonce` (32 hex digits) opens the config; another one begins the machine's story anew. `phone_home` is the nonce in
    the machine's report. `address` is handed out by DHCP where we do that. `deadline` is RFC 3339 in UTC or "never":
    after it, the machine is told to boot from its disk. `extras` are files that its system fetches by itself, such as a
    disk image to install. `reinstall` opens the config again for every boot after it was spent. `max_boots` is how
    often it may be told to boot before it is up; 0 is without end. `data` is the provider's own and never served.
    """

    id: str
    cluster: str
    uid: str
    kernel: Artefact
    nonce: str = field(repr=False)
    macs: tuple[str, ...] = ()
    uuid: str = ""
    serial: str = ""
    hostname: str = ""
    address: str = ""
    architecture: str = "amd64"
    os: str = "lab"
    initrds: tuple[Artefact, ...] = ()
    rootfs: Artefact | None = None
    extras: tuple[Artefact, ...] = ()
    args: tuple[str, ...] = ()
    mode: Mode = Mode.LIVE
    device: str = ""
    desired: Desired = Desired.BOOT
    config: str = ""
    phone_home: str = field(default="", repr=False)
    generation: int = 1
    deadline: str = "never"
    reinstall: bool = False
    max_boots: int = 6
    data: Json = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise ValueError(f"{self.id!r} is no id of a machine: lower-case letters, digits, dots and hyphens")
        if len(self.nonce) != 32 or not HEX.issuperset(self.nonce):
            raise ValueError(f"{self.id}: a nonce is 32 lower-case hex digits")
        if any(mac(m) != m for m in self.macs):
            raise ValueError(f"{self.id}: MAC addresses are written in lower case with colons")
        if bad := [a for a in self.args if not ARGUMENT.fullmatch(a) or a in OPERATORS or "${" in a]:
            raise ValueError(f"{self.id}: {bad[0]!r} cannot stand on a kernel's command line that firmware reads")
        if len({a.name for a in self.artefacts}) < len(self.artefacts):
            raise ValueError(f"{self.id}: two artefacts of one name")

    @property
    def artefacts(self) -> tuple[Artefact, ...]:
        """All that the machine loads."""
        return (self.kernel, *self.initrds, *((self.rootfs,) if self.rootfs else ()), *self.extras)

    def to_json(self) -> Json:
        """Return a JSON object from which `from_json` makes an equal entry."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Entry:
        """Read what `to_json` wrote; keys of later versions are passed over.

        Raises:
            KeyError, TypeError, ValueError: it is not an entry.
        """
        known = {f.name for f in fields(cls)}
        rest = {k: v for k, v in data.items() if k in known}
        rootfs = data.get("rootfs")
        return cls(**{
            **rest,
            "kernel": Artefact(**data["kernel"]),
            "initrds": tuple(Artefact(**a) for a in data.get("initrds", ())),
            "rootfs": Artefact(**rootfs) if rootfs else None,
            "extras": tuple(Artefact(**a) for a in data.get("extras", ())),
            "macs": tuple(data.get("macs", ())),
            "args": tuple(data.get("args", ())),
            "mode": Mode(data.get("mode", Mode.LIVE)),
            "desired": Desired(data.get("desired", Desired.BOOT)),
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a machine came, as the service keeps it. Times are seconds since 1970.

    `story` is the first 16 hex digits of the SHA-256 of the entry's nonce: progress of another story is out of date.
    `round` counts the configs that were spent (more than one only with `reinstall`). `boots` counts how often the
    machine was told to boot since it was last up, `local` how often it was sent to its disk. `times` says when each
    state was first reached. `used` is when this round's config was first fetched. `spent` says that it is fetched no
    more. `failure` says what is wrong, such as a boot loop. `report` is the phone-home report. `client` is the last
    peer address.
    """

    id: str
    story: str = ""
    state: State = State.PENDING
    round: int = 0
    boots: int = 0
    local: int = 0
    times: Mapping[str, float] = field(default_factory=dict)
    used: float = 0.0
    spent: bool = False
    failure: str = ""
    report: Json | None = None
    client: str = ""
    agent: str = ""

    def to_json(self) -> Json:
        """Return the documented JSON form; there is no secret in it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Progress:
        """Read what `to_json` wrote."""
        return cls(**{**data, "state": State(data["state"])})


@dataclass(frozen=True, slots=True)
class Stranger:
    """A machine that asked and that no entry names; it was told to boot from its disk."""

    mac: str
    uuid: str = ""
    serial: str = ""
    architecture: str = ""
    client: str = ""
    first: float = 0.0
    last: float = 0.0
    count: int = 0

    def to_json(self) -> Json:
        """Return the documented JSON form."""
        return asdict(self)


def mac(text: str) -> str:
    """Return a MAC address (six pairs of hex digits, colons or hyphens between) in lower case with colons.

    Raises:
        ValueError: it is none.
    """
    plain = text.lower().replace("-", ":")
    parts = plain.split(":")
    if len(parts) != 6 or any(len(p) != 2 or not HEX.issuperset(p) for p in parts):
        raise ValueError(f"{text[:40]!r} is no MAC address")
    return plain
