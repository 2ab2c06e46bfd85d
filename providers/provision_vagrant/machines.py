"""What is in the clusters' directories: listed, altered, switched, read."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, State
from provision.provider import Outcome
from provision_vagrant import errors, observe, place, record, runner
from provision_vagrant.settings import Settings
from provision_vagrant.vagrantfile import PLUGINS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Change, Json, Observed, Owner
    from provision.provider import Context
    from provision_vagrant.place import Place


@dataclass(frozen=True, slots=True)
class Machines:
    """All clusters of one work directory."""

    options: Json
    context: Context

    def observed(self, owner: Owner | None) -> Iterator[Observed]:
        """Report one owner's things, or all; of all, also what Vagrant's index alone still knows."""
        work = self.context.work
        with errors.translated("listing machines"):
            found = [place.at(work, owner.uid)] if owner and owner.uid else place.places(work)
            there = [at for at in found if at.path.exists()]
            for at in there:
                yield from (m for m in self._of(at) if observe.is_of(m, owner))
            if owner is None:
                yield from self._only_in_index()
            parts = (observe.network(at) for at in there if at.path.exists())
            yield from (part for part in parts if observe.is_of(part, owner))

    def runner(self, at: Place) -> runner.Runner:
        """Return who calls Vagrant for a cluster."""
        try:
            hypervisor = record.read_cluster(at).hypervisor
        except ProviderError:  # damaged: what the options say is the best guess
            hypervisor = Settings.read(self.options).hypervisor
        return runner.Runner(at.path, PLUGINS[hypervisor], at.logs, at.held)

    def states(self, at: Place) -> dict[str, str]:
        """Ask Vagrant for the states of all machines that exist here; the directory must be held.

        Raises:
            ProviderError: it does not say.
        """
        known, found = at.known(), dict[str, str]()
        if known:
            if not at.vagrantfile.exists():
                record.draw(at)
            said = self.runner(at).call("status", *known, seconds=runner.QUICK)
            if said.code:
                raise errors.from_said("asking Vagrant for the machines' states", said)
            found = {name: state for name, state in said.states.items() if state != observe.NOT_CREATED}
        at.keep_states(found)
        return found

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Write other labels or another protection."""
        for change in batch:
            try:
                yield Outcome(change.target.name, self._changed(change))
            except ProviderError as error:
                yield Outcome(change.target.name, error=error)

    def power(self, target: Observed, on: bool) -> None:
        """Switch a machine; a running guest is asked to end before it is forced."""
        wanted = State.RUNNING if on else State.STOPPED
        with self.held(target, "switching") as at:
            machine = self._same(at, target)
            if self._state(at, target) is wanted:
                return
            words = ("up", "--no-install-provider", "--no-provision") if on else ("halt",)
            seconds = machine.settings.timeout if on else runner.SLOW
            said = self.runner(at).call(*words, target.name, seconds=seconds)
            if self._state(at, target) is not wanted:
                raise errors.from_said(f"switching machine {target.name}", said, target.name)

    def console(self, target: Observed) -> str:
        """Return what a machine has written to its serial port since it was switched on."""
        with errors.translated(f"reading the console of machine {target.name}"):
            return (self.at(target).machine(target.name) / record.CONSOLE).read_text(errors="replace")

    def at(self, target: Observed) -> Place:
        """Return the cluster's place of a thing.

        Raises:
            ProviderError: its id is none of ours.
        """
        return place.at(self.context.work, target.id.partition("/")[0])

    @contextmanager
    def held(self, target: Observed, doing: str) -> Iterator[Place]:
        """Hold a thing's directory.

        Raises:
            ProviderError: it is gone, or another process holds it for too long.
        """
        with errors.translated(f"{doing} {target.name}"):
            at = self.at(target)
            with at.locked() as held:
                if held is None:
                    raise errors.busy(at.path)
                yield held

    def _of(self, at: Place) -> list[Observed]:
        """Report one directory's machines."""
        with suppress(FileNotFoundError), at.locked(0) as held:
            # While somebody works here, Vagrant would only say that it is busy.
            states = self.states(held) if held else at.states()
            names = at.machines()
            recorded = filter(None, (observe.machine(at, name, states, busy=held is None) for name in names))
            detail = "Vagrant has made it; there is no record of it"
            strays = (observe.stray(at.uid, name, detail) for name in at.known() if name not in names)
            return [*recorded, *strays]
        return []

    def _only_in_index(self) -> Iterator[Observed]:
        """Report what Vagrant's index of all machines has in directories of ours that are gone."""
        work = self.context.work
        if not work.exists():
            return
        plugin = PLUGINS[Settings.read(self.options).hypervisor]
        said = runner.Runner(work, plugin, self.context.cache / "vagrant").call("global-status", seconds=runner.QUICK)
        for name, directory in said.index:
            folder = Path(directory)
            if folder.parent == work and place.is_uid(folder.name) and not folder.exists():
                yield observe.stray(folder.name, name, f"only in Vagrant's index: its directory {folder} is gone")

    def _changed(self, change: Change) -> Observed:
        target = change.target
        with self.held(target, "changing") as at:
            if target.kind != MACHINE:
                cluster = record.read_cluster(at)
                record.write_cluster(at, replace(cluster, labels=change.labels or cluster.labels))
                return observe.network(at)
            old = self._same(at, target)
            protected = old.protected if change.protected is None else change.protected
            record.write_labels(at, target.name, change.labels or old.labels, protected)
            return observe.machine(at, target.name, at.states()) or target

    def _state(self, at: Place, target: Observed) -> State:
        return observe.STATES.get(self.states(at).get(target.name, observe.NOT_CREATED), State.UNKNOWN)

    def _same(self, at: Place, target: Observed) -> record.Machine:
        try:
            found = record.read(at, target.name)
        except FileNotFoundError:
            found = None
        if found is None or found.id != target.id:
            raise ProviderError(f"there is no machine {target.name} any more", kind=Kind.NOT_FOUND)
        return found
