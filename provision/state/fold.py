"""Records to what they say: which things exist, existed, or may exist. Pure.

============  ==================================================================================================
status        means
============  ==================================================================================================
unknown       an intent to make it has no outcome: it may exist
made          it was made and nothing has been recorded against it
refused       the platform refused to make it: it does not exist, and its generation is used up
deleting      an intent to delete it has no outcome
gone          it was deleted, or was found to have vanished; its generation is remembered
============  ==================================================================================================
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provision.model import Json


class Key(NamedTuple):
    """Which thing: names are unique within a cluster, but a machine may move to another provider."""

    provider: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.kind}/{self.name}"


class Status(StrEnum):
    """What the journal knows of a thing; the module's table says what each means."""

    UNKNOWN = "unknown"
    MADE = "made"
    REFUSED = "refused"
    DELETING = "deleting"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing as recorded.

    `generation` is the last one for which an intent was written. `token` names the request file ``requests/TOKEN.json``
    and `batch` the machines that went out under the same token (empty when it went singly). `fingerprint` names its
    body and recipe (`provision.state.cluster`), "" when it was adopted and what it runs is not known. `since` is the
    time of the last record about it, RFC 3339 in UTC.
    """

    provider: str
    kind: str
    name: str
    generation: int
    status: Status
    token: str = ""
    id: str = ""
    fingerprint: str = ""
    zone: str = ""
    needs: tuple[str, ...] = ()
    batch: tuple[str, ...] = ()
    etcd: bool = False
    since: str = ""

    @property
    def key(self) -> Key:
        """Which thing it is."""
        return Key(self.provider, self.kind, self.name)

    @property
    def exists(self) -> bool:
        """Whether the thing exists or may exist."""
        return self.status in {Status.UNKNOWN, Status.MADE, Status.DELETING}


@dataclass(slots=True)
class Recorded:
    """All that a journal says. `head` is the number of its last record, `notes` the last one of each topic."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    notes: dict[str, Json] = field(default_factory=dict)
    head: int = 0

    def get(self, key: Key) -> Entry | None:
        """Return what is recorded of a thing, or None."""
        return self.entries.get(key)

    def live(self) -> list[Entry]:
        """Return the things that exist or may exist."""
        return [e for e in self.entries.values() if e.exists]


def fold(records: Iterable[Json]) -> Recorded:
    """Return what a whole journal says."""
    recorded = Recorded()
    for record in records:
        apply(recorded, record)
    return recorded


def apply(recorded: Recorded, record: Json) -> None:
    """Add one record to what the earlier ones said."""
    recorded.head = record["seq"]
    match record["kind"], record.get("op"):
        case "intent", "create":
            _create_intent(recorded, record)
        case "intent", "delete":
            _delete_intent(recorded, record)
        case "outcome", "create":
            _create_outcome(recorded, record)
        case "outcome", "delete":
            _delete_outcome(recorded, record)
        case "outcome", "adopt" | "change":
            entry = _entry(record["thing"])
            recorded.entries[entry.key] = replace(entry, since=record["at"])
        case "note", _:
            recorded.notes[record["topic"]] = record["data"]
        case "snapshot", _:
            entries = map(_entry, record["entries"])
            recorded.entries = {e.key: e for e in entries}
            recorded.notes = dict(record["notes"])


def snapshot(recorded: Recorded) -> Json:
    """Return a record that says by itself all that is recorded."""
    return {
        "kind": "snapshot",
        "entries": [to_json(e) for e in recorded.entries.values()],
        "notes": recorded.notes,
    }


def to_json(entry: Entry) -> Json:
    """Return an entry as records hold it; empty fields are left out."""
    return {k: v for k, v in asdict(entry).items() if v not in ("", (), False)}


def _entry(data: Json) -> Entry:
    lists = {"needs": tuple(data.get("needs", ())), "batch": tuple(data.get("batch", ()))}
    return Entry(**{**data, **lists, "status": Status(data["status"])})


def _key(record: Json, thing: Json) -> Key:
    return Key(record["provider"], thing["kind"], thing["name"])


def _create_intent(recorded: Recorded, record: Json) -> None:
    things = record["things"]
    batch = [t["name"] for t in things] if len(things) > 1 else []
    for thing in things:
        shared = {"provider": record["provider"], "token": record["token"], "zone": record["zone"], "batch": batch}
        entry = _entry({**thing, **shared, "status": Status.UNKNOWN, "since": record["at"]})
        recorded.entries[entry.key] = entry


def _create_outcome(recorded: Recorded, record: Json) -> None:
    key = _key(record, record["thing"])
    entry = recorded.entries.get(key)
    if entry is None or entry.token != record["token"]:
        return  # a late answer to a request that a newer one has replaced
    if record["result"] == "made":
        done = replace(entry, status=Status.MADE, id=record["id"], zone=record["zone"], since=record["at"])
    else:
        done = replace(entry, status=Status.REFUSED, since=record["at"])
    recorded.entries[key] = done


def _delete_intent(recorded: Recorded, record: Json) -> None:
    for thing in record["things"]:
        key = _key(record, thing)
        entry = recorded.entries.get(key)
        if entry is None:
            entry = Entry(*key, generation=thing["generation"], status=Status.MADE, id=thing["id"])
        if entry.id in {"", thing["id"]}:
            recorded.entries[key] = replace(entry, status=Status.DELETING, id=thing["id"], since=record["at"])


def _delete_outcome(recorded: Recorded, record: Json) -> None:
    key = _key(record, record["thing"])
    entry = recorded.entries.get(key)
    if entry is None or entry.id not in {"", record["id"]}:
        return  # a double was deleted, not the thing that the entry is about
    status = Status.GONE if record["result"] == "gone" else Status.MADE
    recorded.entries[key] = replace(entry, status=status, since=record["at"])
