"""From machines that run to a cluster that works: first boots reported, etcd healthy."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.apply.serial_text import plain
from provision.errors import ProviderError, Unhealthy
from provision.firstboot.report import on_console, parse
from provision.model import State
from provision.provider import HasConsole, HasService

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provision.etcd.health import Health
    from provision.firstboot.report import Report
    from provision.model import Observed
    from provision.provider import Provider

NOTE = "first-boots"
"""The journal note that holds which machines have reported, with their generations."""

POLL_SECONDS = 1.0
LOOK_SECONDS = 5.0
CONSOLE_LINES = 25
GOING = frozenset((State.PENDING, State.RUNNING, State.UNKNOWN))


@dataclass(slots=True)
class Waiting:
    """First boots that are awaited.

    `nonces` leads from each awaited machine to its nonce; `reports` is filled by the reception and from consoles.
    `look` lists the cluster's things as they are now.
    """

    machines: Mapping[str, Observed]
    nonces: Mapping[str, str]
    reports: dict[str, Report]
    providers: Mapping[str, Provider]
    look: Callable[[], Sequence[Observed]]
    told: set[str] = field(default_factory=set)

    def missing(self) -> list[str]:
        """Return the machines that have not reported, after asking their platform and reading their consoles."""
        for name in self.nonces:
            if self.nonces[name] not in self.reports:
                self._ask(name)
                self._read_console(name)
        return [name for name, nonce in self.nonces.items() if nonce not in self.reports]

    def ended(self) -> list[str]:
        """Return the machines that run no more and have not reported, nor will: Ignition failed, or QEMU was killed."""
        try:
            running = {o.name for o in self.look() if o.state in GOING}
        except ProviderError:  # asked again a little later
            return []
        return [name for name in self.missing() if name not in running]

    def failures(self) -> list[str]:
        """Return what the reports that came say is wrong."""
        came = ((name, self.reports.get(nonce)) for name, nonce in self.nonces.items())
        return [f"{name}: {', '.join(r.failed)} failed" for name, r in came if r and not r.ok]

    def console_tail(self, name: str) -> str:
        """Return the last lines of a machine's console, or "" where there is none."""
        return "\n".join(plain(self._console(name)).splitlines()[-CONSOLE_LINES:])

    def _ask(self, name: str) -> None:
        provider = self.providers[self.machines[name].provider]
        if isinstance(provider, HasService):
            with suppress(ProviderError):  # asked again a little later
                found = parse(provider.report(self.machines[name]))
                if found and found[0] == self.nonces[name]:
                    self.reports[found[0]] = found[1]

    def _read_console(self, name: str) -> None:
        for nonce, report in on_console(self._console(name)):
            if nonce == self.nonces[name]:
                self.reports[nonce] = report

    def _console(self, name: str) -> str:
        provider = self.providers[self.machines[name].provider]
        if isinstance(provider, HasConsole):
            with suppress(ProviderError):  # a console that cannot be read now may be readable later
                return provider.console(self.machines[name])
        return ""


def first_boots(waiting: Waiting, *, deadline: float, tell: Callable[[str], None]) -> None:
    """Wait until every machine has reported its first boot.

    Args:
        waiting: who is awaited.
        deadline: on `time.monotonic`'s clock, in seconds.
        tell: is given a line for each report.

    Raises:
        Unhealthy: some did not report in time or run no more (with the last lines of the first one's console), or have
            failed units.
    """
    looked = time.monotonic()
    while missing := waiting.missing():
        _tell(waiting, missing, tell)
        if time.monotonic() >= deadline:
            raise _silent(waiting, missing, "no report of the first boot in time from")
        if time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            if ended := waiting.ended():
                raise _silent(waiting, ended, "switched off before the first boot was done:")
        time.sleep(POLL_SECONDS)
    _tell(waiting, (), tell)
    if failures := waiting.failures():
        raise Unhealthy("; ".join(failures), hint="`provision ssh MACHINE -- systemctl --failed` shows more")


def etcd(look: Callable[[], Health], *, deadline: float, tell: Callable[[str], None]) -> Health:
    """Wait until etcd is healthy.

    Raises:
        Unhealthy: it is not in time; the message says what is wrong.
    """
    from provision.etcd.health import wait

    def changed(health: Health) -> None:
        tell(f"etcd is healthy, led by {health.leader}" if health.ok else f"etcd: {health.problems[0]}")

    health = wait(look, deadline=deadline, on_change=changed)
    if not health.ok:
        raise Unhealthy(f"etcd is not healthy: {'; '.join(health.problems)}")
    return health


def _tell(waiting: Waiting, missing: Sequence[str], tell: Callable[[str], None]) -> None:
    for name in waiting.nonces:
        if name not in missing and name not in waiting.told:
            waiting.told.add(name)
            tell(f"{name} reports its first boot: {_words(waiting.reports[waiting.nonces[name]])}")


def _words(report: Report) -> str:
    return "every unit is up" if report.ok else f"failed units: {', '.join(report.failed)}"


def _silent(waiting: Waiting, missing: Sequence[str], what: str) -> Unhealthy:
    tail = waiting.console_tail(missing[0])
    shown = f"; the end of {missing[0]}'s console:\n{tail}" if tail else ""
    return Unhealthy(
        f"{what} {', '.join(missing)}{shown}",
        hint="`provision console MACHINE` shows all of it; `up` again waits on, `down` removes all",
    )
