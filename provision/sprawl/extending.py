"""A deadline moved: first on the labels, which the reaper reads, then in the machines, which end themselves."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from provision.apply.observe import observe
from provision.apply.retry import Pace, may_retry
from provision.apply.session import EXTENDED, now
from provision.apply.ways import login
from provision.errors import ProviderError, ProvisionError
from provision.model import MACHINE, Change, State, utc_text
from provision.remote import Remote
from provision.state import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from provision.model import Observed, Owner
    from provision.provider import Provider
    from provision.state.cluster import ClusterState

FILE = "/etc/provision/deadline"
SCRIPT = f"cat >{FILE}.new && mv {FILE}.new {FILE}"
"""Replaces the file in one step: the timer may read it at any moment."""
WORKERS = 16
SSH_TIMEOUT = 60.0


@dataclass(slots=True)
class Extension:
    """One cluster whose deadline is moved, under its lock.

    `expires` is the new deadline, None for never. `known_hosts` and `identity` are for ssh.
    """

    owner: Owner
    providers: Mapping[str, Provider]
    state: ClusterState
    expires: datetime | None
    known_hosts: Path
    identity: Path | None = None
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The deadline as labels and machines hold it."""
        return utc_text(self.expires) if self.expires else "never"

    def remember(self, was: datetime) -> None:
        """Write it into the journal, so that the next `up` does not move the deadline back.

        `was` is the deadline on the labels before; of several extensions the first one's counts.

        Raises:
            StateError: it cannot be written.
        """
        before = self.state.recorded.notes.get(EXTENDED, {})
        first = before["was"] if before.get("expires") == utc_text(was) else utc_text(was)
        self.state.journal.append([records.note(EXTENDED, {"was": first, "expires": self.text})])

    def relabel(self, things: Sequence[Observed]) -> None:
        """Write the deadline onto everything that carries labels; what refuses stands in `failures`."""
        for name, provider in self.providers.items():
            mine = [o for o in things if o.provider == name and o.labels and o.labels.expires != self.text]
            for batch in _cut(mine, max(1, provider.traits.delete_batch)):
                self._change(provider, batch)

    def confirm(self, before: Sequence[Observed]) -> list[Observed]:
        """Look again: what vanished meanwhile, or has still the old deadline, stands in `failures`.

        Raises:
            ProviderError: a platform could not be asked.
        """
        there = {(o.provider, o.kind, o.id): o for o in observe(self.providers, self.owner, clock=now)}
        for thing in before:
            seen = there.get((thing.provider, thing.kind, thing.id))
            if seen is None or seen.state is State.DELETING:
                self.failures[thing.name] = "it has gone meanwhile"
            elif seen.labels and seen.labels.expires != self.text:
                self.failures.setdefault(thing.name, f"its label still says {seen.labels.expires}")
        return list(there.values())

    def tell_machines(self, machines: Iterable[Observed]) -> list[str]:
        """Move the timers in the machines, many at a time; return whom it reached, the rest stands in `failures`."""
        waiting: SimpleQueue[Observed] = SimpleQueue()
        answers: SimpleQueue[tuple[str, str]] = SimpleQueue()
        asked = [m for m in machines if m.kind == MACHINE and m.state is not State.DELETING]
        for machine in asked:
            waiting.put(machine)

        def work() -> None:
            with suppress(Empty):
                while True:
                    machine = waiting.get_nowait()
                    answers.put((machine.name, self._tell(machine)))

        for _ in range(min(WORKERS, len(asked))):
            threading.Thread(target=work, name="extend", daemon=True).start()
        told = dict(answers.get() for _ in asked)
        self.failures.update({name: why for name, why in told.items() if why})
        return sorted(name for name, why in told.items() if not why)

    def _tell(self, machine: Observed) -> str:
        """Return why a machine could not be told, "" when it was."""
        if machine.state is not State.RUNNING:
            return f"its own timer could not be moved: it is {machine.state}"
        remote = Remote(machine, self.known_hosts, login(self.state, machine.name), self.identity)
        try:
            answer = remote.run(["sudo", "sh", "-c", f"'{SCRIPT}'"], timeout=SSH_TIMEOUT, stdin=f"{self.text}\n")
        except ProvisionError as error:
            return f"its own timer could not be moved: {error.message}"
        words = answer.stderr.strip().splitlines() or [f"exit code {answer.code}"]
        return "" if answer.code == 0 else f"its own timer could not be moved: {words[-1]}"

    def _change(self, provider: Provider, batch: Sequence[Observed]) -> None:
        """Ask until it is done or cannot be; the same change may be made again."""
        left = {o.id: o for o in batch}
        pace, began, attempt = Pace(), time.monotonic(), 0
        while left:
            again, why = self._once(provider, left)
            if not again or time.monotonic() - began > pace.patience:
                self.failures.update({o.name: why or "not changed" for o in left.values()})
                return
            if left:
                attempt += 1
                time.sleep(pace.delay(attempt))

    def _once(self, provider: Provider, left: dict[str, Observed]) -> tuple[bool, str]:
        """Make one call; take what succeeded out of `left`; return whether to ask again for the rest, and why."""
        changes = [Change(o, labels=o.labels.expiring(self.text)) for o in left.values() if o.labels]
        by_name = {o.name: o.id for o in left.values()}
        errors: list[ProviderError] = []
        try:
            for outcome in provider.change(changes):
                if outcome.error is None:
                    left.pop(by_name[outcome.name], None)
                else:
                    errors.append(outcome.error)
        except ProviderError as error:
            errors.append(error)
        if not errors:
            return not left, ""
        return all(may_retry(error) for error in errors), errors[0].message


def later(current: datetime, by: timedelta, moment: datetime) -> datetime:
    """Return a deadline that is so much later; one that has passed counts from now."""
    return (max(current, moment) + by).replace(microsecond=0)


def _cut(things: Sequence[Observed], size: int) -> Iterator[Sequence[Observed]]:
    """Cut into calls; outcomes are told apart by name, so that two things of one name go in two calls."""
    batch: dict[str, Observed] = {}
    for thing in things:
        if len(batch) == size or thing.name in batch:
            yield list(batch.values())
            batch = {}
        batch[thing.name] = thing
    if batch:
        yield list(batch.values())
