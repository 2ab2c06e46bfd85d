"""What runs anywhere, from labels alone, and who looks after it. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.model import MACHINE, State, utc_text
from provision.spec import duration
from provision.sprawl.prices import Cost

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provision.errors import ProviderError
    from provision.model import Json, Observed, Owner
    from provision.sprawl.accounts import Account
    from provision.sprawl.ask import Answer
    from provision.sprawl.prices import Prices

_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WARNING = timedelta(hours=1)
"""How long before its deadline a cluster is warned of."""


class Standing(StrEnum):
    """How a cluster stands; several may hold at once."""

    TENDED = "tended"  # its state is here
    EXPIRED = "expired"  # its deadline has passed
    ORPHANED = "orphaned"  # no state that was looked at knows it
    UNOWNED = "unowned"  # it bears our marks, but its labels cannot be read or name nobody


def warning(name: str, expires: datetime | None, now: datetime) -> str:
    """Return what to say of a cluster that ends soon or should have ended, "" of any other."""
    if expires is None or expires - now >= WARNING:
        return ""
    if expires <= now:
        return f"{name} has expired; `provision reap` deletes it, `provision extend {name} 4h` keeps it"
    left = duration.write(int((expires - now).total_seconds()))
    return f"{name} ends in {left}; `provision extend {name} 4h` moves that"


@dataclass(frozen=True, slots=True)
class Group:
    """What one cluster has on one account.

    `owner` is None for things whose labels cannot be read. `expires` is the latest deadline on its labels, None for
    never: `extend` moves them one after the other, and whoever was not reached must not doom the rest.
    """

    account: Account
    owner: Owner | None
    things: Sequence[Observed]
    standings: tuple[Standing, ...]
    expires: datetime | None
    hourly: Cost
    so_far: Cost

    @property
    def machines(self) -> list[Observed]:
        """Its machines."""
        return [o for o in self.things if o.kind == MACHINE]

    @property
    def name(self) -> str:
        """The cluster's name, "" when nobody can tell."""
        return self.owner.cluster if self.owner else ""

    @property
    def answers(self) -> str:
        """Who answers for it: the label `owner`."""
        return next((o.labels.owner for o in self.things if o.labels), "")

    @property
    def created(self) -> datetime | None:
        """When the oldest thing of it was made, None when the platform does not say."""
        return min((o.created for o in self.things if o.created), default=None)

    @property
    def revision(self) -> str:
        """The git revision of its spec, else the spec's digest; several when its things differ."""
        found = {o.labels.revision or o.labels.digest for o in self.things if o.labels}
        return "+".join(sorted(found))

    @property
    def ender(self) -> str:
        """Who deletes it when its deadline has passed."""
        if self.expires is None:
            return "nobody"
        traits = self.account.provider.traits
        if not (traits.power_off_deletes or traits.deletes_at_deadline):
            return "reap"
        return "itself" if len(self.machines) == len(self.things) else "itself, its parts by reap"

    def to_json(self, now: datetime) -> Json:
        """Return the documented JSON form, ``provision_schemas/inventory.v1.schema.json``."""
        labels = next((o.labels for o in self.things if o.labels), None)
        created = self.created
        return {
            "cluster": self.name,
            "uid": self.owner.uid if self.owner else "",
            "account": self.account.name,
            "provider": self.account.provider_name,
            "machines": len(self.machines),
            "running": sum(m.state is State.RUNNING for m in self.machines),
            "parts": len(self.things) - len(self.machines),
            "owner": self.answers,
            "created": utc_text(created) if created else None,
            "age_seconds": int((now - created).total_seconds()) if created else None,
            "expires": labels and (utc_text(self.expires) if self.expires else "never"),
            "seconds_left": int((self.expires - now).total_seconds()) if self.expires else None,
            "ended_by": self.ender,
            "revision": labels.revision if labels else "",
            "spec": labels.digest if labels else "",
            "states": [str(s) for s in self.standings],
            "protected": sorted(o.name for o in self.things if o.protected),
            "cost": {
                "per_hour": round(self.hourly.per_hour, 6),
                "so_far": round(self.so_far.per_hour, 6),
                "unknown": len(self.hourly.unknown),
            },
        }


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that was found, and the accounts that could not be asked."""

    groups: Sequence[Group]
    unreachable: Sequence[ProviderError]
    at: datetime


def take(answers: Iterable[Answer], tended: Collection[str], prices: Prices, now: datetime) -> Inventory:
    """Sort what the accounts told into clusters.

    Args:
        answers: of all accounts; what several of them list is counted once.
        tended: uids of the clusters whose state is known.
        prices: who knows what things cost.
        now: the time in UTC.
    """
    answers = list(answers)
    found: list[Group] = []
    unreachable: list[ProviderError] = []
    seen: set[tuple[str, str, str, str]] = set()
    owners = {o.labels.uid: o.labels.whose for answer in answers for o in answer.things if o.labels}
    for answer in answers:
        unreachable += [answer.error] if answer.error else []
        fresh = ((whose(thing, owners), thing) for thing in _fresh(answer.things, seen))
        found += _groups(answer.account, fresh, tended, prices, now)
    return Inventory(sorted(found, key=lambda g: (g.name, g.account.name)), unreachable, now)


def whose(thing: Observed, owners: Mapping[str, Owner]) -> Owner | None:
    """Return whose a thing is, None when nobody can tell; what carries no labels has the cluster's uid in its name.

    `owners` are those that are known, by uid.
    """
    if thing.labels:
        return thing.labels.whose
    return next((owners[uid] for uid in _UID.findall(f"{thing.name} {thing.id}") if uid in owners), None)


def _fresh(things: Iterable[Observed], seen: set[tuple[str, str, str, str]]) -> Iterator[Observed]:
    """Leave out what another account has shown: two names for one account are one account."""
    for thing in things:
        key = (thing.provider, thing.kind, thing.id, thing.labels.uid if thing.labels else "")
        if key not in seen:
            seen.add(key)
            yield thing


def _groups(
    account: Account,
    things: Iterable[tuple[Owner | None, Observed]],
    tended: Collection[str],
    prices: Prices,
    now: datetime,
) -> Iterator[Group]:
    groups: dict[Owner | None, list[Observed]] = defaultdict(list)
    for owner, thing in things:
        groups[owner].append(thing)
    for owner, members in groups.items():
        expires = latest(members)
        hourly = [(o, prices.observed(o, account.provider, account.options)) for o in members]
        yield Group(
            account,
            owner,
            members,
            tuple(_standings(owner, members, expires, tended, now)),
            expires,
            Cost.of((o.name, price) for o, price in hourly),
            Cost.of((o.name, _spent(o, price, now)) for o, price in hourly),
        )


def latest(things: Iterable[Observed]) -> datetime | None:
    """Return the latest deadline on things' labels, None when one of them may live for ever."""
    deadlines = [_deadline(o) for o in things if o.labels]
    known = [d for d in deadlines if d is not None]
    return max(known) if known and len(known) == len(deadlines) else None


def _deadline(thing: Observed) -> datetime | None:
    """Return a thing's deadline; one that cannot be read is no ground to delete anything on."""
    try:
        return thing.labels.deadline if thing.labels else None
    except ValueError:
        return None


def _standings(
    owner: Owner | None,
    members: Sequence[Observed],
    expires: datetime | None,
    tended: Collection[str],
    now: datetime,
) -> Iterator[Standing]:
    if owner is None or not any(o.labels and o.labels.owner for o in members):
        yield Standing.UNOWNED
    if expires is not None and expires <= now:
        yield Standing.EXPIRED
    if owner is not None:
        yield Standing.TENDED if owner.uid in tended else Standing.ORPHANED


def _spent(thing: Observed, price: float | None, now: datetime) -> float | None:
    if price is None or not price:
        return price
    return price * (now - thing.created).total_seconds() / 3600 if thing.created else None
