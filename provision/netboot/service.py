"""What the boot service answers: entries, progress and cache in, answers out. No sockets here.

Belongs to one event loop. What a request needs is found in one step and rendered once for each machine, so the number
of machines does not matter.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.firstboot import report
from provision.netboot import nonces, scripts, verdict
from provision.netboot.answer import IGNITION, Answer
from provision.netboot.entry import State
from provision.netboot.scripts import Firmware
from provision.netboot.verdict import Do
from provision.netboot.versions import unreadable, version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provision.netboot.asking import Asking
    from provision.netboot.cache import Cache
    from provision.netboot.entry import Entry, Progress
    from provision.netboot.index import Index, Known, Scan
    from provision.netboot.ledger import Ledger
    from provision.netboot.rendered import Rendered
    from provision.netboot.store import BootStore

NO_CONFIG = Answer("unknown\n", 404)
NOT_READY = Answer("not ready yet\n", 503)
SPENT = Answer("spent\n", 410)
THANKS = Answer("thank you\n")
AGENT = 128


@dataclass(slots=True)
class Urls:
    """Where machines reach the service, and its artefacts (another server may serve these). No slash at the end."""

    service: str
    files: str


@dataclass(slots=True)
class BootService:
    """The service of one store."""

    store: BootStore
    index: Index
    ledger: Ledger
    cache: Cache
    urls: Urls
    clock: Callable[[], float]
    rendered: Rendered | None = None
    """Scripts as files, where TFTP serves them."""
    follow: Callable[[Sequence[Entry]], None] = lambda _: None
    """Is told of all entries when some have changed: for who hands out their addresses."""
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)

    def take(self, scan: Scan) -> None:
        """Make what a scan of the store found the truth, and have its artefacts fetched."""
        if self.rendered:
            for machine in self.index.machines.keys() & (scan.gone | scan.found.keys()):
                self.rendered.removed(self.index.machines[machine])
        self.index.take(scan)
        for machine in scan.gone:
            self.ledger.forget(machine)
        for machine in scan.found:
            known = self.index.machines[machine]
            self.index.expect(known, self.ledger.of(known).round)
            self.cache.ready(known.entry.artefacts)
            for mac in known.entry.macs:
                self.ledger.no_stranger(mac)
            self._render(known)
        if scan.found or scan.gone:
            self.follow([known.entry for known in self.index.machines.values()])

    def poll(self) -> None:
        """Look again at what waits for boot files."""
        if self.rendered:
            self.rendered.poll(self)

    def read(self, mac: str, client: str) -> None:
        """Keep that a machine has read its script from a file."""
        if known := self.index.find(mac):
            self.script(Firmware.PXELINUX, known, client)
            self._render(known)

    def script(self, firmware: Firmware, known: Known, client: str, again: str = "") -> Answer:
        """Tell a machine's firmware what to do, and keep that it asked."""
        before, now = self.ledger.of(known), self.clock()
        found = self._verdict(known, before, now)
        after = verdict.told(known.entry, before, found, now, client)
        if after != before:
            self.ledger.set(before, after)
        if found.again:
            self.index.expect(known, after.round)
        self.counts["script", 200] += 1
        return self._rendered(firmware, known, found, after.round, again)

    def preview(self, firmware: Firmware, known: Known, again: str) -> tuple[Answer, bool]:
        """Return what a machine's firmware would be told, and whether it is to wait; nobody has asked."""
        progress = self.ledger.of(known)
        found = self._verdict(known, progress, self.clock())
        number = progress.round + 1 if found.again else progress.round
        return self._rendered(firmware, known, found, number, again), found.do is Do.WAIT

    def stranger(self, firmware: Firmware, asking: Asking, client: str) -> Answer:
        """Send a machine that no entry names to its disk, and keep that it asked."""
        if asking.mac:
            self.ledger.stranger(asking.mac, asking.uuid, asking.serial, asking.architecture, client)
        self.counts["stranger", 200] += 1
        return Answer(scripts.local(firmware, "unknown machine"))

    def config(self, nonce: str, client: str, agent: str, accept: str) -> Answer | None:
        """Return the first-boot config that a nonce opens, 503 or 410; None when no machine has it.

        Ignition asks again upon 5xx and gives up upon 4xx; an empty 200 or 204 it takes for a config that wants
        nothing.
        """
        known = self.index.by_nonce(nonce)
        if known is None:
            return None
        answer = self._config(known, nonce, client, agent[:AGENT], accept)
        self.counts["ignition", answer.status] += 1
        return answer

    def installed(self, nonce: str, client: str) -> Answer:
        """Keep that an installer is done; from now on the machine boots from its disk."""
        known = self.index.by_nonce(nonce)
        if known is None:
            return NO_CONFIG
        before = self.ledger.of(known)
        if nonce != nonces.of(known.entry.nonce, before.round):
            return SPENT
        if before.state is not State.UP:
            self._spend(known, before, verdict.installed(before, self.clock(), client))
        return THANKS

    def up(self, nonce: str, body: bytes, client: str) -> Answer:
        """Keep a machine's report of its first boot; its config is spent."""
        known = self.index.by_phone(nonce)
        if known is None:
            return NO_CONFIG
        found = report.parse(body)
        if found is None or found[0] != nonce:
            return Answer("not a phone-home report\n", 400)
        before = self.ledger.of(known)
        said = {"machine": found[1].machine, "failed": list(found[1].failed)}
        self._spend(known, before, verdict.up(before, self.clock(), client, said))
        return THANKS

    def metadata(self, known: Known) -> Answer:
        """Return what a machine may know of itself; no secrets, since it is found by its MAC address."""
        entry = known.entry
        values = {
            "MACHINE": entry.id,
            "HOSTNAME": entry.hostname,
            "CLUSTER": entry.cluster,
            "UID": entry.uid,
            "GENERATION": entry.generation,
            "ADDRESS": entry.address,
            "OS": entry.os,
            "ARCHITECTURE": entry.architecture,
            "MODE": entry.mode,
            "STATE": self.ledger.of(known).state,
            "DEADLINE": entry.deadline,
        }
        return Answer("".join(f"PROVISION_{name}={value}\n" for name, value in values.items()))

    def states(self) -> list[dict[str, object]]:
        """Return all machines with how far they came, then the strangers."""
        machines = [
            {**self.ledger.of(known).to_json(), "cluster": known.entry.cluster, "macs": list(known.entry.macs)}
            for _, known in sorted(self.index.machines.items())
        ]
        strangers = [{**s.to_json(), "state": str(State.UNKNOWN)} for s in self.ledger.strangers.values()]
        return [*machines, *strangers]

    def _spend(self, known: Known, before: Progress, after: Progress) -> None:
        self.ledger.set(before, after)
        known.answers.clear()
        self._render(known)

    def _render(self, known: Known) -> None:
        if self.rendered:
            self.rendered.changed(self, known)

    def _verdict(self, known: Known, progress: Progress, now: float) -> verdict.Verdict:
        ready = bool(known.entry.config) and self.cache.ready(known.entry.artefacts)
        return verdict.firmware(known.entry, progress, now, ready=ready)

    def _rendered(self, firmware: Firmware, known: Known, found: verdict.Verdict, number: int, again: str) -> Answer:
        key = (firmware, found.do, found.why, number, self.urls.files, again)
        answer = known.answers.get(key)
        if answer is None:
            if len(known.answers) > 16:  # reasons hold counts
                known.answers.clear()
            answer = known.answers[key] = Answer(self._text(firmware, known.entry, found, number, again))
        return answer

    def _text(self, firmware: Firmware, entry: Entry, found: verdict.Verdict, number: int, again: str) -> str:
        match found.do:
            case Do.BOOT:
                config_url = f"{self.urls.service}/ignition/{nonces.of(entry.nonce, number)}"
                return scripts.boot(firmware, entry, config_url, self.urls.service, self.urls.files)
            case Do.WAIT:
                return scripts.wait(firmware, f"{entry.id} is {found.why}", self.urls.service, again)
            case Do.LOCAL:
                return scripts.local(firmware, f"{entry.id}, {found.why}")

    def _config(self, known: Known, nonce: str, client: str, agent: str, accept: str) -> Answer:
        before, now = self.ledger.of(known), self.clock()
        if nonce != nonces.of(known.entry.nonce, before.round):
            return SPENT
        match verdict.config(known.entry, before, now):
            case Do.LOCAL:
                return SPENT
            case Do.WAIT:
                return NOT_READY
        body = self._body(known)
        if body is None:
            return NOT_READY
        answer, spec = body
        failure = unreadable(spec, accept)
        after = verdict.ignited(before, now, client, agent, failure)
        if after != before:
            self.ledger.set(before, after)
        return answer

    def _body(self, known: Known) -> tuple[Answer, tuple[int, ...]] | None:
        """Return the config and its Ignition version; read from the disk once, and dropped when it is spent."""
        body: tuple[Answer, tuple[int, ...]] | None = known.answers.get("config")
        if body is None and (found := self.store.config(known.entry)):
            body = known.answers["config"] = (Answer(found, kind=IGNITION), version(found))
        return body


def as_text(event: dict[str, object]) -> str:
    """Return one change of a machine as a line for a person."""
    name = event.get("id") or event.get("mac")
    failure = f": {event['failure']}" if event.get("failure") else ""
    return f"{name} is {event['state']}{failure}"


def as_line(event: dict[str, object]) -> bytes:
    """Return one change of a machine as a line of JSON."""
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
