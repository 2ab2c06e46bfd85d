"""Value types that every layer shares. A leaf: it imports nothing of ours."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Json = dict[str, Any]
"""A JSON object as `json.loads` makes it."""

MACHINE = "machine"
"""The kind of a request or observation that is a machine; all other kinds are parts."""


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Whose a resource is: the cluster's name and its uid, which tells two clusters of one name apart."""

    cluster: str
    uid: str


@dataclass(frozen=True, slots=True)
class Labels:
    """The owner labels, set with creation on everything that can carry them.

    `generation` counts from 1 how often the thing has been made; `expires` is an RFC 3339 time in UTC or "never";
    `spec` is the first 16 hex digits of the spec's SHA-256 and, where the spec is committed, a dash and the first 12
    of its git revision. `machine` is the machine's or part's name.
    """

    cluster: str
    uid: str
    machine: str
    generation: int
    owner: str
    expires: str
    spec: str

    PREFIX = "provision:"

    @property
    def whose(self) -> Owner:
        """The owner that `Provider.list` filters by."""
        return Owner(self.cluster, self.uid)

    @property
    def deadline(self) -> datetime | None:
        """When the thing must be gone, or None for never."""
        return None if self.expires == "never" else datetime.fromisoformat(self.expires)

    @property
    def digest(self) -> str:
        """The spec's digest alone."""
        return self.spec.partition("-")[0]

    @property
    def revision(self) -> str:
        """The git revision of the spec, "" when it was not committed."""
        return self.spec.partition("-")[2]

    def to_dict(self) -> dict[str, str]:
        """Return plain names and texts; each provider spells them as its platform allows."""
        return {
            "cluster": self.cluster,
            "uid": self.uid,
            "machine": self.machine,
            "generation": str(self.generation),
            "owner": self.owner,
            "expires": self.expires,
            "spec": self.spec,
        }

    @classmethod
    def from_dict(cls, texts: Mapping[str, str]) -> Labels:
        """Read what `to_dict` wrote.

        Raises:
            KeyError, ValueError: a label is missing or malformed, so the thing is not ours to judge.
        """
        return cls(**{**{k: texts[k] for k in LABEL_KEYS}, "generation": int(texts["generation"])})  # type: ignore[arg-type]

    def expiring(self, expires: str) -> Labels:
        """Return the same labels with another deadline."""
        return replace(self, expires=expires)


LABEL_KEYS = ("cluster", "uid", "machine", "generation", "owner", "expires", "spec")
"""The names of all owner labels, in the order in which they are written."""


def utc_text(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with whole seconds, the form of the `expires` label."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def creation_token(uid: str, name: str, generation: int, zone: str = "") -> str:
    """Return the idempotency key of one creation: stable for a cluster, thing, generation and attempted zone."""
    return str(uuid.uuid5(uuid.UUID(uid), f"{name}\n{generation}\n{zone}"))


def batch_token(uid: str, members: Mapping[str, int], zone: str = "") -> str:
    """Return the idempotency key of a batch: over its sorted machines with their generations, and the zone."""
    names = ",".join(f"{name}@{generation}" for name, generation in sorted(members.items()))
    return str(uuid.uuid5(uuid.UUID(uid), f"batch\n{names}\n{zone}"))


class State(StrEnum):
    """What a platform says of a thing, in words that all platforms share."""

    PENDING = "pending"  # made, not yet running
    RUNNING = "running"
    STOPPED = "stopped"  # exists (and may cost), does not run
    DELETING = "deleting"
    FAILED = "failed"  # the platform gave up on it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to make; it can be written to a file and sent again to the byte.

        `kind` is "machine" or a part's kind ("network", "firewall", "key-pair", ...); `name` is unique in the cluster.
    `needs` names the parts that must exist first; `inputs` holds their outputs (ids), filled in by the engine before
    the request becomes an intent. `body` is the provider's own JSON; a machine's is what `MachineWanted.body` returns.
    `payload` is the first-boot config as the platform's channel takes it; empty for parts. `zones` are the zones to
    try, in order, and `zone` the one of this attempt. `protect` asks for the platform's deletion protection; it is no
    part of `body`, since it can be changed.
    """

    kind: str
    name: str
    provider: str
    labels: Labels
    token: str
    body: Json = field(default_factory=dict)
    payload: str = ""
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    zone: str = ""
    protect: bool = False

    def to_json(self) -> Json:
        """Return a JSON object from which `from_json` makes an equal request."""
        return {
            "kind": self.kind,
            "name": self.name,
            "provider": self.provider,
            "labels": self.labels.to_dict(),
            "token": self.token,
            "body": self.body,
            "payload": self.payload,
            "needs": list(self.needs),
            "inputs": {k: dict(v) for k, v in self.inputs.items()},
            "zones": list(self.zones),
            "zone": self.zone,
            "protect": self.protect,
        }

    @classmethod
    def from_json(cls, data: Json) -> Request:
        """Read what `to_json` wrote."""
        labels = Labels.from_dict(data["labels"])
        return cls(**{**data, "labels": labels, "needs": tuple(data["needs"]), "zones": tuple(data["zones"])})


@dataclass(frozen=True, slots=True)
class Observed:
    """One thing as its platform reports it.

    `labels` is None when the thing is found by its name alone or is not ours. `addresses` are named "private",
    "public"; `reach` says how the operator's computer gets to a port: {"ssh": "127.0.0.1:40022", "etcd": "host:2379"}
    where that is not simply address:port. `outputs` are ids that other requests take as inputs. `token` is the
    creation token where the platform keeps it. `created` is a time in UTC.
    """

    kind: str
    name: str
    id: str
    provider: str
    state: State = State.UNKNOWN
    labels: Labels | None = None
    token: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    reach: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    size: str = ""
    zone: str = ""
    protected: bool = False
    created: datetime | None = None
    detail: str = ""

    def to_json(self) -> Json:
        """Return the documented JSON form."""
        return {
            "kind": self.kind,
            "name": self.name,
            "id": self.id,
            "provider": self.provider,
            "state": str(self.state),
            "labels": self.labels.to_dict() if self.labels else None,
            "addresses": dict(self.addresses),
            "reach": dict(self.reach),
            "outputs": dict(self.outputs),
            "size": self.size,
            "zone": self.zone,
            "protected": self.protected,
            "created": utc_text(self.created) if self.created else None,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """What to alter on a thing that stays: labels, protection, open ports."""

    target: Observed
    labels: Labels | None = None
    protected: bool | None = None
    body: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachineWanted:
    """A machine as the spec wants it, in the words of its provider.

    `size` is the provider's size name or a JSON object; `image` an id or alias already resolved by `cluster.lock`
    where that applies; `options` are the provider's options after the pool's and machine's own were laid over them.
    `address` is the planned private address, or "" when the platform assigns one. `payload_size` is the bound
    payload's largest possible size in bytes, and `ignition` its Ignition spec version ("" for none).
    """

    name: str
    pool: str
    os: str
    size: str | Json
    image: str
    options: Json
    zones: tuple[str, ...] = ()
    address: str = ""
    etcd: bool = False
    payload_size: int = 0
    ignition: str = ""

    def body(self, access: Collection[str] = ()) -> Json:
        """Return the body of this machine's request: all that, when it changes, makes another machine.

        `access` names the options that only say how the platform is reached (`Traits.access`); they are left out.
        Keys: "os", "size", "image", "options", "address". Zones are tried in order and a machine stays where it is,
        so they are in the request beside the body.
        """
        return {
            "os": self.os,
            "size": self.size,
            "image": self.image,
            "options": {key: value for key, value in self.options.items() if key not in access},
            "address": self.address,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that one provider is asked for in one cluster; what `Provider.check` and `Provider.parts` read."""

    cluster: str
    uid: str
    labels: Labels  # `machine` is "" here; each part and machine has its own
    machines: tuple[MachineWanted, ...]
    options: Json = field(default_factory=dict)
    subnet: str = ""  # CIDR of the cluster's own network, or "" when the platform chooses
    ssh_keys: tuple[str, ...] = ()
    ssh_from: tuple[str, ...] = ()  # CIDRs that may reach port 22
    protect: bool = False

    def labels_for(self, name: str, generation: int = 1) -> Labels:
        """Return the owner labels of one part or machine."""
        return replace(self.labels, machine=name, generation=generation)
