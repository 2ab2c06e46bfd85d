"""FakeCloud's rows: SQL on one side, values of the model on the other."""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Labels, Observed, Owner, Request, State
from provision.testing.faults import Fault

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

COLUMNS = (
    "id, kind, name, cluster, uid, labels, token, digest, zone, size, outputs, addresses, body, payload, needs, "
    "protected, failed, created, boots, visible"
)
NOWHERE = {"ssh": "127.0.0.1:1", "etcd": "127.0.0.1:1"}
"""Where a machine is reached that does not run: nobody listens there, and no stranger's address is knocked at."""

INSERT = f"INSERT INTO things({COLUMNS}) VALUES({','.join('?' * 20)})"


def select(owner: Owner | None, now: float, limit: int, offset: int) -> tuple[str, tuple[object, ...]]:
    """Return the query of one page of a list."""
    where = ["visible <= ?", "(gone IS NULL OR gone > ?)", "uid <> ''"]
    values: list[object] = [now, now]
    if owner is not None:
        where.append("cluster = ?")
        values.append(owner.cluster)
    if owner is not None and owner.uid:
        where.append("uid = ?")
        values.append(owner.uid)
    sql = f"SELECT * FROM things WHERE {' AND '.join(where)} ORDER BY rowid LIMIT ? OFFSET ?"  # noqa: S608 - our words
    return sql, (*values, limit, offset)


def observed(row: sqlite3.Row, provider: str, now: float) -> Observed:
    """Return a row as the platform reports it at a time."""
    return Observed(
        kind=row["kind"],
        name=row["name"],
        id=row["id"],
        provider=provider,
        state=_state(row, now),
        labels=Labels.from_dict(json.loads(row["labels"])) if row["uid"] else None,
        token=row["token"],
        addresses=json.loads(row["addresses"]),
        reach=NOWHERE if row["kind"] == MACHINE else {},
        outputs=json.loads(row["outputs"]),
        size=row["size"],
        zone=row["zone"],
        protected=bool(row["protected"]),
        created=datetime.fromtimestamp(row["created"], UTC),
        detail="it was told to fail" if row["failed"] else "",
    )


def _state(row: sqlite3.Row, now: float) -> State:
    if row["gone"] is not None:
        return State.DELETING
    if row["failed"]:
        return State.FAILED
    return State.PENDING if row["kind"] == MACHINE and now < row["boots"] else State.RUNNING


def insert(
    db: sqlite3.Connection, request: Request, index: int, now: float, boots: float, visible: float, *, named: bool
) -> str:
    """Add a thing and return its id; without a name its launch index stands for it."""
    id_ = f"{request.kind}-{uuid.uuid4().hex[:12]}"
    labels = request.labels.to_dict()
    name = request.name if named else f"{request.token}#{index}"
    address = request.body.get("address") or f"10.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}.{index % 250}"
    size = request.body.get("size", "")
    values = {
        "id": id_,
        "kind": request.kind,
        "name": name,
        "cluster": request.labels.cluster,
        "uid": request.labels.uid,
        "labels": json.dumps({**labels, "machine": name}),
        "token": request.token,
        "digest": digest(request),
        "zone": request.zone,
        "size": size if isinstance(size, str) else json.dumps(size),
        "outputs": json.dumps({"id": id_}),
        "addresses": json.dumps({"private": address} if request.kind == MACHINE else {}),
        "body": json.dumps(request.body),
        "payload": request.payload,
        "needs": json.dumps(sorted(v for outputs in request.inputs.values() for v in outputs.values())),
        "protected": request.protect,
        "failed": 0,
        "created": now,
        "boots": boots,
        "visible": visible,
    }
    db.execute(INSERT, tuple(values[c.strip()] for c in COLUMNS.split(",")))
    return id_


def plant(db: sqlite3.Connection, names: Iterable[str], kind: str, now: float) -> None:
    """Add things that are not ours."""
    empty = {"labels": "{}", "outputs": "{}", "addresses": "{}", "body": "{}", "needs": "[]", "failed": 0}
    for name in names:
        times = {"created": now, "boots": now, "visible": now}
        values = {"id": f"{kind}-{uuid.uuid4().hex[:12]}", "kind": kind, "name": name, **empty, **times}
        db.execute(INSERT, tuple(values.get(c.strip(), "") for c in COLUMNS.split(",")))


def digest(request: Request) -> str:
    """Return what must be the same when a token comes again: everything but the zone, as on EC2."""
    data = {**request.to_json(), "zone": ""}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def refuse_unmet(db: sqlite3.Connection, request: Request) -> None:
    """Refuse a request whose needs are not there.

    Raises:
        ProviderError: INVALID.
    """
    for need in request.needs:
        id_ = request.inputs.get(need, {}).get("id", "")
        if db.execute("SELECT 1 FROM things WHERE id=? AND gone IS NULL", (id_,)).fetchone() is None:
            raise ProviderError(f"{request.name}: no {need} {id_!r}", kind=Kind.INVALID, code="InvalidReference")


def alive(db: sqlite3.Connection, kind: str, name: str, owner: Owner) -> bool:
    """Whether a thing of that name exists in a cluster."""
    sql = "SELECT 1 FROM things WHERE kind=? AND name=? AND cluster=? AND uid=? AND gone IS NULL"
    return db.execute(sql, (kind, name, owner.cluster, owner.uid)).fetchone() is not None


def machines_in(db: sqlite3.Connection, zone: str) -> int:
    """Return how many machines a zone holds."""
    sql = "SELECT count(*) FROM things WHERE kind=? AND zone=? AND gone IS NULL"
    return int(db.execute(sql, (MACHINE, zone)).fetchone()[0])


def user_of(db: sqlite3.Connection, id_: str) -> str | None:
    """Return the name of a thing that needs another one, if any."""
    sql = "SELECT name FROM things, json_each(things.needs) WHERE gone IS NULL AND json_each.value = ? LIMIT 1"
    row = db.execute(sql, (id_,)).fetchone()
    return row["name"] if row else None


def add_faults(db: sqlite3.Connection, faults: Iterable[Fault]) -> None:
    """Add faults to be had."""
    values = [(json.dumps(asdict(f)), f.times) for f in faults]
    db.executemany("INSERT INTO faults(fault, left) VALUES(?,?)", values)


def take_fault(db: sqlite3.Connection, op: str, names: Sequence[str], zone: str) -> Fault | None:
    """Return the first fault that fits a call, and count it."""
    for row in db.execute("SELECT * FROM faults WHERE left <> 0 ORDER BY n").fetchall():
        fault = Fault.from_json(json.loads(row["fault"]))
        fits = fault.op == op and fault.name in {"", *names} and fault.zone in {"", zone}
        if fits and random.random() < fault.rate:  # noqa: S311 - a test's dice
            db.execute("UPDATE faults SET left = left - 1 WHERE n=? AND left > 0", (row["n"],))
            return fault
    return None
