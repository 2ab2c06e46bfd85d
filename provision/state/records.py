"""The journal's records, one function each; `provision.state.fold` reads them. Pure.

The form is documented in ``provision_schemas/journal.v1.schema.json``. No record holds a payload or a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.state.fold import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.errors import ProviderError
    from provision.model import Json, Observed, Request
    from provision.state.fold import Entry, Key


def will_create(requests: Sequence[Request], facts: Sequence[Json]) -> Json:
    """Intent of one create call. `facts` are each thing's `fingerprint` and `etcd`."""
    first = requests[0]
    return {
        "kind": "intent",
        "op": "create",
        "provider": first.provider,
        "token": first.token,
        "zone": first.zone,
        "things": [
            {"kind": r.kind, "name": r.name, "generation": r.labels.generation, "needs": list(r.needs), **f}
            for r, f in zip(requests, facts, strict=True)
        ],
    }


def created(token: str, key: Key, thing: Observed) -> Json:
    """Outcome: it was made, or found to have been made."""
    return {**_outcome("create", key), "result": "made", "token": token, "id": thing.id, "zone": thing.zone}


def refused(token: str, key: Key, error: ProviderError) -> Json:
    """Outcome: it was definitely not made."""
    return {**_outcome("create", key), "result": "refused", "token": token, "error": _error(error)}


def will_delete(things: Sequence[tuple[Key, Observed]]) -> Json:
    """Intent of one delete call."""
    return {
        "kind": "intent",
        "op": "delete",
        "provider": things[0][0].provider,
        "things": [
            {"kind": k.kind, "name": k.name, "id": t.id, "generation": t.labels.generation if t.labels else 0}
            for k, t in things
        ],
    }


def deleted(key: Key, id: str) -> Json:  # noqa: A002 - the platform's own word
    """Outcome: it is gone; `id` is "" when it was looked for and never found."""
    return {**_outcome("delete", key), "result": "gone", "id": id}


def not_deleted(key: Key, thing: Observed, error: ProviderError) -> Json:
    """Outcome: the platform refused to delete it."""
    return {**_outcome("delete", key), "result": "failed", "id": thing.id, "error": _error(error)}


def will_change(things: Sequence[tuple[Key, Observed]]) -> Json:
    """Intent of one change call; repeating it is harmless, so it is kept for the audit alone."""
    return {**will_delete(things), "op": "change"}


def changed(entry: Entry) -> Json:
    """Outcome: it was altered in place and is now as `entry` says."""
    return {"kind": "outcome", "op": "change", "thing": to_json(entry)}


def adopted(entry: Entry) -> Json:
    """Outcome: it was found running and is now recorded."""
    return {"kind": "outcome", "op": "adopt", "thing": to_json(entry)}


def note(topic: str, data: Json) -> Json:
    """Anything else worth remembering; the last one of a topic counts."""
    return {"kind": "note", "topic": topic, "data": data}


def _outcome(op: str, key: Key) -> Json:
    thing = {"kind": key.kind, "name": key.name}
    return {"kind": "outcome", "op": op, "provider": key.provider, "thing": thing}


def _error(error: ProviderError) -> Json:
    return {"kind": str(error.kind), "code": error.code, "message": error.message}
