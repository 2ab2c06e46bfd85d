"""What tests ask of any cloud: a cluster `demo`, its machines and requests, and what became of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provision.model import MACHINE, Labels, Observed, Owner, Request, Wanted, creation_token

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from provision.model import Json, MachineWanted
    from provision.provider import Outcome, Provider

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqQY9XQ1PMqBoLYcZBOlGUsMYCfR3TnQ3ZRnWRmwHeV you@example.com"
OWNER = Owner("demo", UID)

OF_MACHINES = ("address", "zones", "size", "image", "payload_size", "ignition", "options")
"""Words for `wanted` that are about each of its machines."""

OF_BODIES = ("address", "image", "size")


def labels(name: str = "", generation: int = 1, **others: Any) -> Labels:
    about = Labels("demo", UID, name, generation, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
    return replace(about, **others)


def take(given: Json, keys: Collection[str]) -> Json:
    """Take keys out of a mapping; return them."""
    return {key: given.pop(key) for key in list(given) if key in keys}


def wanted(machines: Iterable[MachineWanted], given: Json, about: Labels, **others: Any) -> Wanted:
    return Wanted(
        cluster="demo",
        uid=UID,
        labels=about,
        machines=tuple(machines),
        options=given,
        **{"ssh_keys": (KEY,), "ssh_from": ("203.0.113.0/24",), "subnet": "10.99.0.0/24", **others},
    )


def request(provider: str, about: Labels, body: Json, payload: str, zone: str = "", **others: Any) -> Request:
    """Return the request for a machine as the engine would send it, under a token of its own."""
    return Request(
        kind=MACHINE,
        name=about.machine,
        provider=provider,
        labels=about,
        token=creation_token(UID, about.machine, about.generation, zone),
        body=body,
        payload=payload,
        zone=zone,
        **others,
    )


def make_parts(cloud: Provider, parts: Sequence[Request]) -> dict[str, dict[str, str]]:
    """Make parts in order, handing on their outputs; return these. What comes after machines is left out."""
    made: dict[str, dict[str, str]] = {}
    for part in parts:
        if not part.body.get("after_machines"):
            [thing] = good(cloud.create([replace(part, inputs={name: made[name] for name in part.needs})]))
            made[part.name] = dict(thing.outputs)
    return made


def good(outcomes: Iterable[Outcome]) -> list[Observed]:
    """Return what was made, and fail on any error."""
    done = list(outcomes)
    for outcome in done:
        if outcome.error:
            raise outcome.error
    return [outcome.observed for outcome in done if outcome.observed]


def clear(cloud: Provider) -> None:
    """Remove everything of the cluster, in the order in which the engine would."""
    for kind in (MACHINE, *reversed(cloud.traits.kinds)):
        good(cloud.delete([o for o in cloud.list(OWNER) if o.kind == kind]))


def listed(cloud: Provider) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of all that the cluster has."""
    yield from ((o.kind, o.name) for o in cloud.list(OWNER))
