"""Bringing machines up, once per token.

Vagrant works in a directory for one caller at a time, and takes half a minute or more for it. So those who come while
it works are gathered: whoever gets the directory next brings all of them up in one call, which on libvirt starts them
side by side. A machine that fails does not hold up the others: Vagrant is asked for the state of each afterwards.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision_vagrant import access, delivery, errors, observe, place, record, wave
from provision_vagrant.settings import LIBVIRT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.model import Json, Request
    from provision_vagrant.machines import Machines
    from provision_vagrant.place import Place
    from provision_vagrant.said import Said


@dataclass(frozen=True, slots=True)
class Bringing:
    """Creates what is asked for."""

    machines: Machines
    wave: wave.Wave

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make parts and machines."""
        for request in batch:
            if request.kind != MACHINE:
                yield self._network(request)
        wanted = [request for request in batch if request.kind == MACHINE]
        if wanted:
            yield from self._gathered(wanted)

    def _network(self, request: Request) -> Outcome:
        """Make a cluster's directory, and say in it whose it is."""
        try:
            with errors.translated("making the cluster's directory"):
                return Outcome(request.name, observe.network(self._own(request, request.body, request.token)))
        except ProviderError as error:
            return Outcome(request.name, error=error)

    def _own(self, request: Request, body: Mapping[str, str], token: str) -> Place:
        """Return the place of a cluster, made unless it is there."""
        at = place.at(self.machines.context.work, request.labels.uid)
        at.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _admit(at.path.parent, at.path)
        with at.locked() as held:
            if held is None:
                raise errors.busy(at.path)
            if not at.cluster.exists():
                labels, now = replace(request.labels, machine=observe.NETWORK), self.machines.context.clock()
                made = record.Cluster(observe.NETWORK, token, body["subnet"], body["hypervisor"], now, labels)
                record.write_cluster(at, made)
                record.draw(at)
            elif record.read_cluster(at).token != token:
                message = f"the cluster has another network in {at.path}"
                raise ProviderError(message, kind=Kind.ALREADY_EXISTS, hint="delete it first")
        return at

    def _home(self, request: Request) -> Place:
        """Return the place of a machine's cluster; made anew when it has been removed since the network was made."""
        at = place.at(self.machines.context.work, request.labels.uid)
        if at.cluster.exists():
            return at
        network = request.inputs.get(observe.NETWORK)
        if network is None:
            message = f"the network that machine {request.name} needs is not there"
            raise ProviderError(message, kind=Kind.NOT_FOUND)
        return self._own(request, network, "")

    def _gathered(self, wanted: Sequence[Request]) -> Iterator[Outcome]:
        with errors.translated("making the cluster's directory"):
            at = self._home(wanted[0])
        self.wave.join(at, wanted)
        time.sleep(wave.GATHER)
        taken: list[Request] = []
        try:
            with errors.translated("bringing machines up"), at.locked() as held:
                taken = self.wave.take(at)
                if held is None:
                    raise errors.busy(at.path)
                for outcome in self._bring_up(held, taken):
                    self.wave.put(at, outcome)
        except ProviderError as error:
            for request in taken or self.wave.take(at):
                self.wave.put(at, Outcome(request.name, error=error), again=False)
        for request in wanted:
            # Two calls for one machine at once: the other one has its outcome.
            yield self.wave.get(at, request.name) or Outcome(request.name, error=_twice(request.name))

    def _bring_up(self, at: Place, requests: Sequence[Request]) -> Iterator[Outcome]:
        known = at.known()
        states = self.machines.states(at) if any(r.name in known for r in requests) else {}
        due: dict[str, record.Machine] = {}
        for request in requests:
            try:
                machine = self._recorded(at, request, states)
            except ProviderError as error:
                yield Outcome(request.name, error=error)
                continue
            if machine.started:
                yield Outcome(request.name, observe.machine(at, request.name, states))
            else:
                due[request.name] = machine
        if due:
            record.draw(at)
            yield from self._up(at, due)

    def _recorded(self, at: Place, request: Request, states: Mapping[str, str]) -> record.Machine:
        """Return the record of a machine: as it was, or made now."""
        try:
            found = record.read(at, request.name)
        except FileNotFoundError:
            return self._new(at, request)
        if found.started and request.name not in states:
            return self._new(at, request)  # somebody else removed it
        if found.token != request.token:
            message = f"there is another machine {request.name} in this cluster"
            hint = "it was made by another run or generation: delete it first"
            raise ProviderError(message, kind=Kind.ALREADY_EXISTS, code=found.token, hint=hint)
        return found

    def _new(self, at: Place, request: Request) -> record.Machine:
        hypervisor = record.read_cluster(at).hypervisor
        files = delivery.files(hypervisor, request.payload)
        options = absolute(request.body.get("options", {}), self.machines.context.spec_dir)
        asked = replace(request, body={**request.body, "options": options})
        made = record.make(at, asked, self.machines.context.clock(), files)
        if hypervisor == LIBVIRT:
            folder = at.machine(request.name)
            _admit(folder.parent, folder)
            for name in files:
                access.admit(folder / name, access.READ)
        return made

    def _up(self, at: Place, due: Mapping[str, record.Machine]) -> Iterator[Outcome]:
        large = {n: (at.machine(n) / delivery.CONFIG).read_text() for n, m in due.items() if m.config == delivery.STUB}
        words = ("--parallel", "--no-destroy-on-error", "--no-install-provider", "--provision")
        seconds = max(machine.settings.timeout for machine in due.values())
        run = self.machines.runner(at)
        said: Said | ProviderError
        with delivery.service(large) as stubs:
            for name, text in stubs.items():
                place.write(at.machine(name) / delivery.STUB, text)
            try:
                said = run.call("up", *words, "--provider", run.plugin, *due, seconds=seconds)
            except ProviderError as error:
                said = error  # it hangs, perhaps for one machine alone
        states = self.machines.states(at)
        for machine in due.values():
            yield _outcome(at, machine, said, states)


def _outcome(at: Place, machine: record.Machine, said: Said | ProviderError, states: Mapping[str, str]) -> Outcome:
    """Say what became of one machine of a call, by what Vagrant says of its state."""
    name, there = machine.name, machine.name in states
    error = _error(name, there, said)
    # Whether ssh answers is for Vagrant's own sake. A cloud-config goes in by it, though.
    only_silent = error is not None and error.code == errors.BOOT_TIMEOUT and machine.config != delivery.CLOUD
    if there and (error is None or only_silent):
        record.start(at, machine)
        notes = (f"{name} runs, but Vagrant could not log in",) if error else ()
        return Outcome(name, observe.machine(at, name, states), notes=notes)
    if not there and not isinstance(said, ProviderError):
        record.forget(at, name)  # refused: nothing was made
    return Outcome(name, error=error)


def _error(name: str, there: bool, said: Said | ProviderError) -> ProviderError | None:
    if isinstance(said, ProviderError):
        return said
    if name not in said.ended("up"):
        return errors.from_said(f"bringing up machine {name}", said, name)
    if there:
        return None
    return ProviderError(f"machine {name} came up, and vanished", kind=Kind.UNAVAILABLE, retryable=True)


def absolute(options: Json, base: Path) -> Json:
    """Return options with their paths, which begin at the spec's folder, made absolute: Vagrant works elsewhere."""
    found = dict(options)
    box, ssh = found.get("box"), found.get("ssh", {})
    if isinstance(box, dict) and "url" in box and "://" not in box["url"]:
        found["box"] = {**box, "url": _from(base, box["url"])}
    if "private_key" in ssh:
        found["ssh"] = {**ssh, "private_key": _from(base, ssh["private_key"])}
    return found


def _from(base: Path, path: str) -> str:
    return str((base / Path(path).expanduser()).absolute())


def _admit(*folders: Path) -> None:
    for folder in folders:
        access.admit(folder, access.ENTER)


def _twice(name: str) -> ProviderError:
    message = f"machine {name} was asked for by two calls at once"
    return ProviderError(message, kind=Kind.CONFLICT, retryable=True)
