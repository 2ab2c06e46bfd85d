"""FakeCloud: a provider that honours the whole contract, and breaks where it is told to.

It lives in a file outside the process under test, so that a killed run leaves its machines behind as a real cloud
does. Names of machines are not unique on it: whoever makes a machine twice is found out.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from provision.diagnostics import Report
from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Observed, Owner, Request, State
from provision.provider import Context, Outcome, Traits
from provision.testing import rows
from provision.testing.database import Database
from provision.testing.faults import Fault

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from provision.model import Change, Json, Wanted

FILE = "fakecloud.sqlite"
NEVER = 9e18
PRICES = {"small": 0.01, "medium": 0.02, "large": 0.04}


class FakeCloud:
    """One fake cloud. See ``fakecloud.options.schema.json`` for what can be set."""

    name: ClassVar[str] = "fake"
    traits: ClassVar[Traits] = Traits(
        batch=10,
        delete_batch=100,
        idempotent=True,
        rate=10_000.0,
        planned_addresses=True,
        kinds=("network", "firewall"),
        changeable={"firewall": frozenset({"rules"})},
        settle=0.0,
        local=True,
    )
    options_schema: ClassVar[str] = "fakecloud.options.schema.json"

    def __init__(self, options: Json, context: Context) -> None:
        self._options = options
        path = options.get("path")
        self.database = Database(Path(path) if path else context.work / FILE)

    @classmethod
    def tuned(cls, **traits: Any) -> type[FakeCloud]:  # noqa: ANN401 - fields of Traits
        """Return the same cloud with other traits, such as ``batch=1`` or ``idempotent=False``."""
        return type(cls.__name__, (cls,), {"traits": replace(cls.traits, **traits)})

    # ---- the contract

    def check(self, wanted: Wanted) -> Report:
        """Find machines without a size that the cloud has."""
        report = Report()
        for machine in wanted.machines:
            if isinstance(machine.size, str) and machine.size not in {"", *PRICES}:
                report.error("PV590", f"{machine.name}: FakeCloud has no size {machine.size!r}")
        return report

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return a network, and a firewall in it."""
        network, firewall = f"{wanted.cluster}-network", f"{wanted.cluster}-firewall"
        rules = [f"22 from {cidr}" for cidr in wanted.ssh_from]
        return (
            Request("network", network, self.name, wanted.labels_for(network), "", {"cidr": wanted.subnet}),
            Request(
                "firewall", firewall, self.name, wanted.labels_for(firewall), "", {"rules": rules}, needs=(network,)
            ),
        )

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """List what is visible and not gone, page by page."""
        page, offset = int(self._options.get("page", 100_000)), 0
        while True:
            if fault := self._call("list", ()):
                raise fault.error()
            found = self.database.query(*rows.select(owner, time.time(), page, offset))
            yield from (rows.observed(r, self.name, time.time()) for r in found)
            offset += len(found)
            if len(found) < page:
                return

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make all of a batch under one token, or none."""
        names = [r.name for r in batch]
        fault = self._call("create", names, batch[0].zone)
        if len({r.token for r in batch}) > 1:
            raise ProviderError("one call, several tokens", kind=Kind.INVALID, code="TokensDiffer")
        ids = self._make(batch)
        if fault and fault.after is None:
            raise fault.error()
        self._name(batch, ids)
        self._until_visible(ids)
        yield from _until(fault, (Outcome(r.name, self._show(i)) for r, i in zip(batch, ids, strict=True)))

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels, protection, and the fields that `traits.changeable` names."""
        fault = self._call("change", [c.target.name for c in batch])
        yield from _until(fault, map(self._change, batch))

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Delete each thing; a protected one makes the whole call fail, as EC2's TerminateInstances does."""
        fault = self._call("delete", [o.name for o in batch])
        self._refuse_protected(batch)
        yield from _until(fault, map(self._delete, batch))

    def price(self, size: str, zone: str) -> float | None:  # noqa: ARG002 - all zones cost the same
        """Return what a size costs in an hour."""
        return PRICES.get(size)

    def unlabelled(self) -> Iterator[Observed]:
        """List what `plant` has put there."""
        found = self.database.query("SELECT * FROM things WHERE gone IS NULL AND uid='' ORDER BY rowid")
        yield from (rows.observed(r, self.name, time.time()) for r in found)

    # ---- what tests ask and do

    def inject(self, *faults: Fault) -> None:
        """Have faults from now on, in all processes."""
        with self.database.transaction() as db:
            rows.add_faults(db, faults)

    def census(self) -> Sequence[Observed]:
        """Return all that exists, visible or not, gone or not yet gone; no call is counted."""
        found = self.database.query("SELECT * FROM things WHERE gone IS NULL ORDER BY kind, name, id")
        return [rows.observed(r, self.name, time.time()) for r in found]

    def ever_made(self) -> Counter[tuple[str, str]]:
        """Return how often each thing, by kind and name, was ever made."""
        return Counter((r["kind"], r["name"]) for r in self.database.query("SELECT kind, name FROM things"))

    def calls(self) -> Counter[str]:
        """Return how many calls there were, by operation."""
        return Counter(r["op"] for r in self.database.query("SELECT op FROM calls"))

    def payload(self, name: str) -> str:
        """Return what the newest machine of a name got as its first-boot config."""
        found = self.database.query("SELECT payload FROM things WHERE name=? ORDER BY created DESC", (name,))
        return str(found[0]["payload"])

    def plant(self, *names: str, kind: str = MACHINE) -> None:
        """Put things there that somebody made by other means: they bear no labels."""
        with self.database.transaction() as db:
            rows.plant(db, names, kind, time.time())

    def fail(self, name: str) -> None:
        """Let a machine fail."""
        with self.database.transaction() as db:
            db.execute("UPDATE things SET failed=1 WHERE name=?", (name,))

    # ---- inside

    def _call(self, op: str, names: Sequence[str], zone: str = "") -> Fault | None:
        """Count a call and take its time. Return the fault to have after it was done, if any.

        Raises:
            ProviderError: the fault to have before anything is done.
        """
        if delay := self._options.get("latency"):
            time.sleep(delay)
        with self.database.transaction() as db:
            fresh = db.execute("SELECT 1 FROM calls LIMIT 1").fetchone() is None
            if fresh:
                rows.add_faults(db, [Fault.from_json(f) for f in self._options.get("faults", ())])
            number = db.execute(
                "INSERT INTO calls(op, things, at) VALUES(?,?,?)", (op, len(names), time.time())
            ).lastrowid
            fault = rows.take_fault(db, op, names, zone) or self._at_random(number or 0)
        if fault and fault.slow:
            time.sleep(fault.slow)
            return None
        if fault and not fault.done and fault.after is None:
            raise fault.error()
        return fault

    def _at_random(self, number: int) -> Fault | None:
        dice = random.Random(f"{self._options.get('seed', 0)}:{number}")  # noqa: S311 - a test's dice
        if dice.random() >= self._options.get("failure_rate", 0.0):
            return None
        return Fault("", dice.choice([Kind.AMBIGUOUS, Kind.THROTTLED, Kind.UNAVAILABLE]), done=dice.random() < 0.5)

    def _make(self, batch: Sequence[Request]) -> Sequence[str]:
        with self.database.transaction() as db:
            known = self._known(db, batch) if self.traits.idempotent else None
            if known is not None:
                return known
            self._refuse(db, batch)
            now = time.time()
            late = bool(self._options.get("late_names")) and len(batch) > 1
            boots, visible = now + self._options.get("boot", 0.0), now + self._options.get("visible", 0.0)
            return [rows.insert(db, r, n, now, boots, visible, named=not late) for n, r in enumerate(batch)]

    def _known(self, db: sqlite3.Connection, batch: Sequence[Request]) -> Sequence[str] | None:
        """Return what this token made before. EC2 answers other parameters with IdempotentParameterMismatch.

        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        """
        found = db.execute("SELECT id, digest FROM things WHERE token=? ORDER BY rowid", (batch[0].token,)).fetchall()
        if not found:
            return None
        if [r["digest"] for r in found] != [rows.digest(r) for r in batch]:
            text = "the token was used for another request"
            raise ProviderError(text, kind=Kind.ALREADY_EXISTS, code="IdempotentParameterMismatch")
        return [r["id"] for r in found]

    def _refuse(self, db: sqlite3.Connection, batch: Sequence[Request]) -> None:
        """Refuse what does not fit: unmet needs, taken names of parts, a full zone."""
        for request in batch:
            rows.refuse_unmet(db, request)
            if request.kind != MACHINE and rows.alive(db, request.kind, request.name, request.labels.whose):
                raise ProviderError(f"{request.name} exists", kind=Kind.ALREADY_EXISTS, code="Duplicate")
        room = self._options.get("capacity", {}).get(batch[0].zone)
        if room is not None and rows.machines_in(db, batch[0].zone) + len(batch) > room:
            raise ProviderError(f"zone {batch[0].zone} is full", kind=Kind.CAPACITY, code="InsufficientCapacity")

    def _name(self, batch: Sequence[Request], ids: Sequence[str]) -> None:
        """Write the names of a batch's machines by launch index, as EC2's plugin does after RunInstances."""
        if not self._options.get("late_names") or len(batch) == 1:
            return
        with self.database.transaction() as db:
            for request, id_ in zip(batch, ids, strict=True):
                labels = json.dumps(request.labels.to_dict())
                db.execute("UPDATE things SET name=?, labels=? WHERE id=?", (request.name, labels, id_))

    def _until_visible(self, ids: Sequence[str]) -> None:
        if ids:
            visible = self.database.query("SELECT visible FROM things WHERE id=?", (ids[-1],))[0]["visible"]
            time.sleep(max(0.0, visible - time.time()))

    def _show(self, id_: str) -> Observed:
        (row,) = self.database.query("SELECT * FROM things WHERE id=?", (id_,))
        return rows.observed(row, self.name, time.time())

    def _change(self, change: Change) -> Outcome:
        with self.database.transaction() as db:
            row = db.execute("SELECT * FROM things WHERE id=? AND gone IS NULL", (change.target.id,)).fetchone()
            if row is None:
                error = ProviderError(f"no {change.target.id}", kind=Kind.NOT_FOUND, code="NotFound")
                return Outcome(change.target.name, error=error)
            body = {**json.loads(row["body"]), **change.body}
            labels = change.labels.to_dict() if change.labels else json.loads(row["labels"])
            protected = row["protected"] if change.protected is None else change.protected
            sql = "UPDATE things SET body=?, labels=?, protected=? WHERE id=?"
            db.execute(sql, (json.dumps(body), json.dumps(labels), protected, change.target.id))
        return Outcome(change.target.name, self._show(change.target.id))

    def _refuse_protected(self, batch: Sequence[Observed]) -> None:
        marks = ",".join("?" * len(batch))
        sql = f"SELECT name FROM things WHERE protected AND gone IS NULL AND id IN ({marks})"  # noqa: S608 - marks only
        if found := self.database.query(sql, tuple(o.id for o in batch)):
            raise ProviderError(f"{found[0]['name']} is protected", kind=Kind.INVALID, code="OperationNotPermitted")

    def _delete(self, target: Observed) -> Outcome:
        gone = time.time() + self._options.get("going", 0.0)
        with self.database.transaction() as db:
            if target.kind != MACHINE and (user := rows.user_of(db, target.id)):
                text = f"{target.name} is in use by {user}"
                error = ProviderError(text, kind=Kind.CONFLICT, retryable=True, code="DependencyViolation")
                return Outcome(target.name, error=error)
            db.execute("UPDATE things SET gone=? WHERE id=? AND gone IS NULL", (gone, target.id))
        going = self._options.get("going", 0.0) > 0
        return Outcome(target.name, replace(target, state=State.DELETING) if going else None)


def _until(fault: Fault | None, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Pass outcomes on until a fault strikes: in the middle of a batch, or when all is done and nobody hears of it."""
    if fault is None:
        yield from outcomes
    elif fault.after is None:
        list(outcomes)
        raise fault.error()
    else:
        yield from islice(outcomes, fault.after)
        raise fault.error()
