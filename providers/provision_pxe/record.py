"""What the boot store's entries say of machines: the provider's own part of an entry, and what it reports of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Labels, Observed, State, utc_text
from provision.netboot.entry import Mode
from provision.netboot.entry import State as Boot

if TYPE_CHECKING:
    from provision.model import Json
    from provision.netboot.entry import Entry, Progress

PROVIDER = "pxe"
RUNS = {Mode.LIVE: frozenset({Boot.IGNITED, Boot.UP}), Mode.INSTALL: frozenset({Boot.INSTALLED, Boot.UP})}
"""How far a machine of each mode must have come to be running its own system."""
WORDS = {
    Boot.PENDING: "waiting for it to boot",
    Boot.LOADING: "loading",
    Boot.IGNITED: "has its config",
    Boot.INSTALLED: "installed",
    Boot.UP: "up",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What an entry's `data` holds. `name` is the machine's in the spec, `hardware` in the inventory."""

    name: str
    hardware: str
    token: str
    labels: Labels
    created: datetime
    address: str = ""
    protected: bool = False
    power: Json | None = None

    @property
    def id(self) -> str:
        """The platform's id: another machine on the same hardware has another one."""
        return f"{self.hardware}/{self.token[:8]}"

    def to_json(self) -> Json:
        """Return what `of` reads."""
        plain = {key: getattr(self, key) for key in ("name", "hardware", "token", "address", "protected", "power")}
        return {**plain, "labels": self.labels.to_dict(), "created": utc_text(self.created)}

    def labelled(self, labels: Labels) -> Record:
        """Return the record with other labels."""
        return replace(self, labels=labels)


def of(entry: Entry) -> Record | None:
    """Return an entry's record; None when no provider of ours wrote it.

    Raises:
        ProviderError: another version of provision wrote it, or it is damaged.
    """
    if "hardware" not in entry.data:
        return None
    try:
        labels = Labels.from_dict(entry.data["labels"])
        created = datetime.fromisoformat(entry.data["created"])
        return Record(**{**entry.data, "labels": labels, "created": created})
    except (KeyError, TypeError, ValueError) as error:
        message = f"the boot store's entry of {entry.id} cannot be read: {error!r}"
        raise ProviderError(message, kind=Kind.CONFLICT) from error


def observe(entry: Entry, record: Record, progress: Progress, on: bool | None, trouble: str = "") -> Observed:
    """Report a machine.

    Args:
        entry: of the boot store.
        record: the entry's.
        progress: how far it came.
        on: whether its power is on, None when nobody can tell.
        trouble: why its power cannot be told.
    """
    state, detail = _state(entry, progress, on)
    reach = {"ssh": f"{record.address}:22", "etcd": f"{record.address}:2379"} if record.address else {}
    return Observed(
        kind=MACHINE,
        name=record.name,
        id=record.id,
        provider=PROVIDER,
        state=state,
        labels=record.labels,
        token=record.token,
        addresses={"private": record.address} if record.address else {},
        reach=reach,
        outputs={"machine": record.hardware},
        size=record.hardware,
        protected=record.protected,
        created=record.created,
        detail="; ".join(filter(None, (f"{record.hardware}: {detail}", trouble))),
    )


def _state(entry: Entry, progress: Progress, on: bool | None) -> tuple[State, str]:
    if progress.failure and progress.state is not Boot.UP:
        return State.FAILED, progress.failure
    if on is False and progress.state in RUNS[entry.mode]:
        return State.STOPPED, "switched off"
    if progress.state in RUNS[entry.mode]:
        return State.RUNNING, progress.failure or WORDS[progress.state]
    if progress.state is Boot.IGNITED:
        return State.PENDING, "installing"
    return State.PENDING, WORDS.get(progress.state, str(progress.state))
