"""All accounts asked at the same time; one that does not answer is named and holds up nobody."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from provision.apply.observe import observe
from provision.apply.retry import Pace
from provision.apply.session import now
from provision.errors import Kind, ProviderError
from provision.provider import HasUnlabelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provision.model import Observed, Owner
    from provision.sprawl.accounts import Account

PATIENCE = 20.0
"""Seconds in which an account that fails for the moment is asked again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an account said: what is there, or why it could not be asked."""

    account: Account
    things: Sequence[Observed] = ()
    error: ProviderError | None = None


def everything(accounts: Sequence[Account], *, timeout: float, owner: Owner | None = None) -> list[Answer]:
    """List each account, all at once; what has not answered after `timeout` seconds counts as unreachable."""
    pace = Pace(patience=min(PATIENCE, timeout))
    return _all(accounts, lambda a: observe({a.name: a.provider}, owner, clock=now, pace=pace), timeout)


def unlabelled(accounts: Sequence[Account], *, timeout: float) -> list[Answer]:
    """List what bears no owner labels, on each account whose provider can tell."""
    return _all(accounts, _unlabelled, timeout)


def _unlabelled(account: Account) -> list[Observed]:
    provider = account.provider
    if not isinstance(provider, HasUnlabelled):
        text = f"the provider {account.provider_name} cannot tell what is not ours"
        raise ProviderError(text, kind=Kind.UNSUPPORTED)
    return list(provider.unlabelled())


def _all(accounts: Sequence[Account], ask: Callable[[Account], Sequence[Observed]], timeout: float) -> list[Answer]:
    """Ask in daemon threads: an SDK that blocks must not hold up a Ctrl-C, nor the others' answers."""
    answers: SimpleQueue[tuple[int, Answer | Exception]] = SimpleQueue()

    def one(number: int, account: Account) -> None:
        try:
            answers.put((number, _one(account, ask)))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            answers.put((number, error))

    for number, account in enumerate(accounts):
        threading.Thread(target=one, args=(number, account), name=f"list-{account.name}", daemon=True).start()
    found = _collected(answers, len(accounts), time.monotonic() + timeout)
    return [found.get(n) or Answer(account, error=_silent(account, timeout)) for n, account in enumerate(accounts)]


def _collected(answers: SimpleQueue[tuple[int, Answer | Exception]], count: int, deadline: float) -> dict[int, Answer]:
    found: dict[int, Answer] = {}
    while len(found) < count:
        try:
            number, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        if isinstance(answer, Exception):
            raise answer
        found[number] = answer
    return found


def _one(account: Account, ask: Callable[[Account], Sequence[Observed]]) -> Answer:
    try:
        return Answer(account, ask(account))
    except ProviderError as error:
        error.provider = account.name
        return Answer(account, error=error)


def _silent(account: Account, timeout: float) -> ProviderError:
    text = f"no answer within {timeout:.0f} s"
    return ProviderError(text, kind=Kind.UNAVAILABLE, retryable=True, provider=account.name)
