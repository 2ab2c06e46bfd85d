"""What all providers list under a cluster's name, asked at the same time, and again while their reads may lag."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING

from provision.apply.retry import Pace, may_retry
from provision.errors import ProviderError
from provision.state.fold import Key, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provision.model import Observed, Owner
    from provision.provider import Provider
    from provision.state.fold import Recorded


def observe(
    providers: Mapping[str, Provider],
    owner: Owner | None,
    *,
    clock: Callable[[], datetime],
    recorded: Recorded | None = None,
    pace: Pace | None = None,
) -> list[Observed]:
    """Return everything that all providers list, in the providers' order.

    A thing that was recorded as made within its platform's settling time, and is not listed, is looked for again until
    that time has passed: to take it for gone would be to make it twice.

    Args:
        providers: by name.
        owner: the cluster; with an empty uid, things that run under its name and another uid are seen too; None for
            everything that provision ever made there.
        clock: gives the time in UTC.
        recorded: what the journal says.
        pace: times between retries, and how long to go on (`patience`).

    Raises:
        ProviderError: a platform could not be asked; without its answer no plan is safe.
    """
    pace = pace or Pace()
    found = _ask(providers, owner, pace)
    while recorded is not None and (late := set(_late(recorded, found, providers, clock()))):
        time.sleep(min(pace.poll, 1.0))
        found |= _ask({name: providers[name] for name in late}, owner, pace)
    return [o for name in providers for o in found[name]]


def _ask(providers: Mapping[str, Provider], owner: Owner | None, pace: Pace) -> dict[str, list[Observed]]:
    """Ask all providers in daemon threads: an SDK that blocks must not hold up a Ctrl-C."""
    answers: SimpleQueue[tuple[str, list[Observed] | Exception]] = SimpleQueue()

    def ask(name: str) -> None:
        try:
            answers.put((name, _patiently(providers[name], owner, pace)))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            answers.put((name, error))

    for name in providers:
        threading.Thread(target=ask, args=(name,), name=f"list-{name}", daemon=True).start()
    found: dict[str, list[Observed]] = {}
    for _ in providers:
        name, answer = answers.get()
        if isinstance(answer, Exception):
            raise answer
        found[name] = answer
    return found


def _patiently(provider: Provider, owner: Owner | None, pace: Pace) -> list[Observed]:
    began, attempt = time.monotonic(), 0
    while True:
        try:
            return list(provider.list(owner))
        except ProviderError as error:
            error.provider = error.provider or provider.name
            if not may_retry(error) or time.monotonic() - began > pace.patience:
                raise
        attempt += 1
        time.sleep(pace.delay(attempt))


def _late(
    recorded: Recorded, found: Mapping[str, list[Observed]], providers: Mapping[str, Provider], now: datetime
) -> Iterator[str]:
    listed = {Key(o.provider, o.kind, o.name) for things in found.values() for o in things}
    for entry in recorded.entries.values():
        if entry.status is Status.MADE and entry.key not in listed and entry.provider in providers:
            age = (now - datetime.fromisoformat(entry.since)).total_seconds()
            if age < providers[entry.provider].traits.settle:
                yield entry.provider
