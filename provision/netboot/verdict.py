"""What a machine that asks is told, and what its progress is then. Pure: entry and progress in, both out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from provision.netboot.entry import Desired, Mode, Progress, State

if TYPE_CHECKING:
    from provision.model import Json
    from provision.netboot.entry import Entry

WINDOW = 900.0
"""Seconds after its first use in which a config may be fetched again: one lost answer must not strand a machine."""
ORDER = tuple(State)


class Do(StrEnum):
    """What the firmware shall do."""

    BOOT = "boot"
    WAIT = "wait"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do and, in a few words, why."""

    do: Do
    why: str = ""
    again: bool = False
    """The config was spent and the machine is set to reinstall: this boot gets another nonce."""


def firmware(entry: Entry, progress: Progress, now: float, *, ready: bool) -> Verdict:
    """Return what a machine's firmware is told.

    Args:
        entry: of the machine.
        progress: its own.
        now: seconds since 1970.
        ready: whether its config and all of its artefacts are here.
    """
    if entry.desired is Desired.LOCAL:
        return Verdict(Do.LOCAL, "as the provider wants it")
    if _over(entry, now):
        return Verdict(Do.LOCAL, "its time is over")
    if progress.state is State.INSTALLED:
        return Verdict(Do.LOCAL, "installed")
    spent = closed(progress, now)
    if spent and not entry.reinstall:
        return Verdict(Do.LOCAL, "up" if progress.state is State.UP else "its config is spent")
    if entry.max_boots and progress.boots >= entry.max_boots:
        return Verdict(Do.LOCAL, f"boot loop, {progress.boots} boots and not up")
    if entry.desired is Desired.WAIT or not ready:
        return Verdict(Do.WAIT, "not ready yet")
    return Verdict(Do.BOOT, again=spent)


def config(entry: Entry, progress: Progress, now: float) -> Do:
    """Return whether a machine's config may be fetched: BOOT is yes, WAIT not yet, LOCAL no more."""
    if entry.desired is Desired.LOCAL or _over(entry, now) or closed(progress, now):
        return Do.LOCAL
    return Do.WAIT if entry.desired is Desired.WAIT or not entry.config else Do.BOOT


def closed(progress: Progress, now: float) -> bool:
    """Whether this round's config is spent: the machine reported, or the time to fetch it again has passed."""
    return progress.spent or (progress.used > 0 and now - progress.used > WINDOW)


def told(entry: Entry, progress: Progress, verdict: Verdict, now: float, client: str) -> Progress:
    """Return the progress of a machine whose firmware got a verdict."""
    if verdict.do is Do.WAIT:
        return replace(progress, client=client)
    if verdict.do is Do.LOCAL:
        return replace(progress, local=progress.local + 1, client=client, failure=_stopped(entry, progress, now))
    if verdict.again:
        up = progress.state is State.UP
        fresh = {"round": progress.round + 1, "used": 0.0, "spent": False, "failure": "", "report": None}
        progress = replace(progress, state=State.PENDING, boots=0 if up else progress.boots, **fresh)  # type: ignore[arg-type]
    return _at(progress, State.LOADING, now, boots=progress.boots + 1, client=client, failure="")


def ignited(progress: Progress, now: float, client: str, agent: str, failure: str = "") -> Progress:
    """Return the progress of a machine that was handed its config."""
    return _at(progress, State.IGNITED, now, used=progress.used or now, client=client, agent=agent, failure=failure)


def installed(progress: Progress, now: float, client: str) -> Progress:
    """Return the progress of a machine whose installer is done."""
    return _at(progress, State.INSTALLED, now, spent=True, client=client, failure="")


def up(progress: Progress, now: float, client: str, report: Json) -> Progress:
    """Return the progress of a machine that reported its first boot."""
    failed = report["failed"]
    failure = f"failed units: {', '.join(failed)}" if failed else ""
    return _at(progress, State.UP, now, spent=True, boots=0, client=client, failure=failure, report=report)


def _at(progress: Progress, state: State, now: float, **changes: Any) -> Progress:  # noqa: ANN401
    """Return the progress with at least this state, and when it was first reached."""
    if ORDER.index(state) <= ORDER.index(progress.state):
        return replace(progress, **changes)
    return replace(progress, state=state, times={**progress.times, str(state): now}, **changes)


def _stopped(entry: Entry, progress: Progress, now: float) -> str:
    """Return what is wrong with a machine that was sent to its disk, "" for nothing."""
    if progress.state in {State.UP, State.INSTALLED} or entry.desired is Desired.LOCAL or _over(entry, now):
        if progress.state is State.UP and entry.mode is Mode.LIVE and not entry.reinstall:
            return "it runs from memory, was up, and boots again: its config is spent"
        return progress.failure
    if entry.max_boots and progress.boots >= entry.max_boots:
        return f"boot loop: told to boot {progress.boots} times, never up"
    return f"its config was fetched {(now - progress.used) / 60:.0f} minutes ago and it never reported"


def _over(entry: Entry, now: float) -> bool:
    return entry.deadline != "never" and now >= datetime.fromisoformat(entry.deadline).timestamp()
