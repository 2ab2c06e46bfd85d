"""The provider for bare metal: machines of an inventory, booted from the network by our own boot service.

The boot service's store is the platform: a machine is claimed by an entry there, which says what it boots and how far
it came. Power control switches it on and off. Importing this package loads nothing but the contract.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, TypeVar

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome, Service, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Claim, Context
    from provision_pxe.machines import Machines, Made

T = TypeVar("T")


class PXE:
    """Bare metal. Whoever has the boot service's store has the machines."""

    name: ClassVar[str] = "pxe"
    traits: ClassVar[Traits] = Traits(
        platform="metal",
        idempotent=True,
        concurrency=16,
        rate=50.0,
        planned_addresses=True,
        service=True,
        local=True,
        settle=0.0,
        access=frozenset({"inventory", "power", "serve", "store", "machines", "select", "max_boots"}),
    )
    options_schema: ClassVar[str] = "options.schema.json"

    def __init__(self, options: Json, context: Context) -> None:
        self.options = options
        self.context = context

    @classmethod
    def claims(cls, machines: Mapping[str, Json], kept: Mapping[str, str]) -> Mapping[str, Claim]:
        """Return which machine of the inventory each machine of the spec claims. Pure."""
        from provision_pxe.claims import assign

        return assign(machines, kept)

    def check(self, wanted: Wanted) -> Report:
        """Look for all that would stop machines from booting: claims, images, disks, power control, the service."""
        from provision_pxe.check import check

        return check(wanted, self.options, self.context, self._machines)

    def parts(self, wanted: Wanted) -> Sequence[Request]:  # noqa: ARG002
        """Return nothing: the network is there before."""
        return ()

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Report machines from the boot store, with their power where it can be told."""
        return self._machines.list(owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Claim machines and switch them on, once per token."""
        return (_outcome(one.name, self._create, one) for one in batch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels and protection."""
        return (_outcome(one.target.name, lambda c: (self._machines.change(c), ()), one) for one in batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Switch machines off and release them."""
        return (_outcome(one.name, lambda o: _pair(self._machines.delete(o)), one) for one in batch)

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine."""
        self._machines.power(machine, on)

    def service(self) -> Service:
        """Find the boot service, or start it with the option `serve`."""
        found = self._machines.keeper.ensure()
        return Service(found.url, found.discovery_url)

    def report(self, machine: Observed) -> str:
        """Return the message that a machine posted to the boot service."""
        found = self._machines.report(machine)
        return json.dumps(found) if found else ""

    def strangers(self) -> Sequence[Json]:
        """Return the machines that asked the boot service and that no cluster claims."""
        return self._machines.strangers()

    def _create(self, request: Request) -> tuple[Observed | None, tuple[str, ...]]:
        if request.kind != MACHINE:
            raise ProviderError(f"bare metal has no {request.kind} to make", kind=Kind.UNSUPPORTED)
        return _pair(self._machines.create(request))

    @property
    def _machines(self) -> Machines:
        from provision_pxe.machines import Machines, store_of

        return Machines(self.options, self.context, store_of(self.options, self.context))


def _pair(made: Made) -> tuple[Observed | None, tuple[str, ...]]:
    return made.machine, made.notes


def _outcome(name: str, act: Callable[[T], tuple[Observed | None, tuple[str, ...]]], subject: T) -> Outcome:
    try:
        machine, notes = act(subject)
        return Outcome(name, machine, notes=notes)
    except ProviderError as error:
        return Outcome(name, error=error)
