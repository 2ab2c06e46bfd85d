"""The QEMU provider: machines on this computer, without privileges, as plain qemu processes.

Importing this package loads nothing but the contract; the work is in `machines`, `check` and what they use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Context
    from provision_qemu.machines import Machines

T = TypeVar("T")


class QEMU:
    """Machines on this computer. The work directory is the platform: whoever has it has the machines."""

    name: ClassVar[str] = "qemu"
    traits: ClassVar[Traits] = Traits(
        platform="qemu",
        idempotent=True,
        concurrency=4,
        rate=20.0,
        planned_addresses=True,
        private_interface="pci-0000:00:04.0",
        host_address="10.0.2.2",
        local=True,
        settle=0.0,
    )
    options_schema: ClassVar[str] = "options.schema.json"

    def __init__(self, options: Json, context: Context) -> None:
        self.options = options
        self.context = context

    def check(self, wanted: Wanted) -> Report:
        """Look for all that would stop machines from starting on this computer."""
        from provision_qemu.check import check

        return check(wanted, self.options, self.context)

    def parts(self, wanted: Wanted) -> Sequence[Request]:  # noqa: ARG002
        """Return nothing: the segment between the machines exists by being used."""
        return ()

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Report machines from their directories."""
        return self._machines.list(owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make and start machines, once per token."""
        return (_outcome(one.name, self._create, one) for one in batch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels and protection."""
        return (_outcome(one.target.name, self._machines.change, one) for one in batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Stop machines and remove all that they have on this computer."""
        return (_outcome(one.name, self._machines.delete, one) for one in batch)

    def console(self, machine: Observed) -> str:
        """Return what the machine has written to its serial port."""
        return self._machines.console(machine)

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine; its guest is asked before it is forced."""
        self._machines.power(machine, on)

    def unlabelled(self) -> Iterator[Observed]:
        """Report machines that run on this computer and were started by something else."""
        from provision_qemu import foreign

        return foreign.machines(self.context.work)

    def _create(self, request: Request) -> Observed:
        if request.kind != MACHINE:
            raise ProviderError(f"QEMU has no {request.kind} to make", kind=Kind.UNSUPPORTED)
        return self._machines.create(request)

    @property
    def _machines(self) -> Machines:
        from provision_qemu.machines import Machines

        return Machines(self.options, self.context)


def _outcome(name: str, act: Callable[[T], Observed | None], subject: T) -> Outcome:
    try:
        return Outcome(name, act(subject))
    except ProviderError as error:
        return Outcome(name, error=error)
