"""Removing machines, and the directory when all are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision_vagrant import errors, record, runner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Observed
    from provision_vagrant.machines import Machines
    from provision_vagrant.place import Place


@dataclass(frozen=True, slots=True)
class Removing:
    """Deletes what is asked for."""

    machines: Machines

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove things; the machines of a cluster in one call of Vagrant."""
        clusters: dict[Place, list[Observed]] = {}
        for target in batch:
            if target.kind == MACHINE:
                clusters.setdefault(self.machines.at(target), []).append(target)
        for at, targets in clusters.items():
            yield from self._machines(at, targets)
        yield from (self._network(target) for target in batch if target.kind != MACHINE)

    def _machines(self, at: Place, targets: list[Observed]) -> Iterator[Outcome]:
        if not at.path.exists():
            yield from (_without_directory(at, target) for target in targets)
            return
        try:
            with self.machines.held(targets[0], "deleting machine") as held:
                yield from self._held(held, targets)
        except ProviderError as error:
            yield from (Outcome(target.name, error=error) for target in targets)

    def _held(self, at: Place, targets: list[Observed]) -> Iterator[Outcome]:
        outcomes = [(target, _verdict(at, target)) for target in targets]
        doomed = [target.name for target, verdict in outcomes if verdict is None]
        failures = self._destroy(at, [name for name in doomed if name in at.known()])
        for name in doomed:
            if name not in failures:
                record.forget(at, name)
        if doomed and at.cluster.exists():
            record.draw(at)
        for target, verdict in outcomes:
            yield verdict or Outcome(target.name, error=failures.get(target.name))

    def _destroy(self, at: Place, names: list[str]) -> dict[str, ProviderError]:
        """Let Vagrant destroy machines; return what went wrong, by name."""
        if not names:
            return {}
        record.draw(at)
        # One after the other: the last one removes the network, and two at once would both try to.
        said = self.machines.runner(at).call("destroy", "--force", "--no-parallel", *names, seconds=runner.SLOW)
        left = at.known()
        return {name: errors.from_said(f"deleting machine {name}", said, name) for name in names if name in left}

    def _network(self, target: Observed) -> Outcome:
        if not self.machines.at(target).path.exists():
            return Outcome(target.name)
        try:
            with self.machines.held(target, "deleting") as at:
                if left := sorted({*at.known(), *at.machines()}):
                    raise ProviderError(f"the network still has machines: {', '.join(left)}", kind=Kind.CONFLICT)
                at.remove()
        except ProviderError as error:
            return Outcome(target.name, error=error)
        return Outcome(target.name)


def _verdict(at: Place, target: Observed) -> Outcome | None:
    """Return the outcome for a machine that is not to be touched: gone, or protected; None for one that goes."""
    try:
        found = record.read(at, target.name)
    except FileNotFoundError:
        stray = target.name in at.known() and target.id.endswith("/")
        return None if stray else Outcome(target.name)
    except ProviderError:
        return None  # damaged files protect nothing
    if found.id != target.id:
        return Outcome(target.name)  # that one is gone, and this is its successor
    if not found.protected:
        return None
    message = f"machine {target.name} is protected"
    error = ProviderError(message, kind=Kind.CONFLICT, hint="take the protection off first")
    return Outcome(target.name, error=error)


def _without_directory(at: Place, target: Observed) -> Outcome:
    """Say what became of a machine whose directory is gone: all of it, or all but what only its hypervisor knows."""
    if not target.id.endswith("/"):
        return Outcome(target.name)
    message = f"Vagrant cannot remove {target.name}: its notes in {at.path} are gone"
    hint = (
        f"remove provision-{at.uid[:8]}-{target.name} by its hypervisor's own means (`virsh undefine "
        "--remove-all-storage`, VirtualBox's or VMware's window), then `vagrant global-status --prune`"
    )
    return Outcome(target.name, error=ProviderError(message, kind=Kind.UNSUPPORTED, hint=hint))
