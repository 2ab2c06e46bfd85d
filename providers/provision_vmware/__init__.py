"""The provider for VMware vSphere: vCenter, or a standalone ESXi host.

Machines are clones of a template, in a folder of the cluster's own. The tasks of all machines are awaited by one filter
of one PropertyCollector. The SDK is imported on the first call, by `sdk` alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome, Traits
from provision_vmware import channel, parts
from provision_vmware.settings import CONNECTION, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Context
    from provision_vmware.cloud import Cloud


class VMware:
    """One vCenter, or one ESXi host."""

    name: ClassVar[str] = parts.PROVIDER
    options_schema: ClassVar[str] = "options.schema.json"
    traits: ClassVar[Traits] = Traits(
        formats=frozenset({"ignition", "cloud-config"}),
        platform="vmware",
        payload_limit=channel.LIMIT,
        encoding=channel.ENCODING,
        # vCenter copies about eight disks of a datastore at once and queues the rest, so more in flight gain little.
        batch=32,
        delete_batch=64,
        idempotent=True,  # a folder has no two machines of one name
        concurrency=16,
        rate=20.0,
        name_pattern=r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        planned_addresses=True,  # with the option `addresses`; without it, DHCP
        kinds=parts.KINDS,
        changeable=parts.CHANGEABLE,
        settle=5.0,
        account=frozenset({"server", "datacenter", "folder"}),
        access=CONNECTION,
        tells_voters=True,
    )

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the options; the first call connects."""
        self._context = context
        self._settings = Settings.read(options)
        planned = self._settings.planned
        self.traits = replace(type(self).traits, planned_addresses=planned, no_dhcp=planned)  # type: ignore[misc]

    @cached_property
    def _cloud(self) -> Cloud:
        from provision_vmware.cloud import Cloud

        return Cloud(self._settings, self._context)

    def check(self, wanted: Wanted) -> Report:
        """Look, without changing anything, for all that would stop `up`."""
        from provision_vmware import checking

        return checking.report(self._cloud, self._settings, wanted)

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return the cluster's folder, and the rule that keeps its etcd members apart; nothing on a host."""
        return list(parts.requests(wanted, self._settings))

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Yield machines first, then folders and rules."""
        from provision_vmware import listing

        return listing.everything(self._cloud, owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make things; machines together."""
        from provision_vmware import bare, making

        yield from (_outcome(request, self._part) for request in batch if request.kind != MACHINE)
        machines = [request for request in batch if request.kind == MACHINE]
        if machines:
            yield from (bare if self._settings.esxi else making).make(self._cloud, machines)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels, protection and a rule's members."""
        from provision_vmware import altering

        return altering.alter(self._cloud, batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove things; machines together, a folder only when it is empty."""
        from provision_vmware import removing

        return removing.remove(self._cloud, batch)

    def console(self, machine: Observed) -> str:
        """Return what the machine has written to its first serial port.

        Raises:
            ProviderError: the machine is gone or has no console, or the server could not be asked.
        """
        from provision_vmware import console

        return console.text(self._cloud, machine.id)

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine.

        Raises:
            ProviderError: the machine is gone, or vSphere refuses.
        """
        from provision_vmware import power

        power.switch(self._cloud, machine.id, on=on)

    def import_image(self, image: str, progress: Callable[[int, int], None]) -> str:
        """Make a template of an OVA, once.

        Raises:
            ProviderError: the image is no OVA, has another digest, or cannot be imported.
        """
        from provision_vmware import importing

        return importing.run(self._cloud, image, progress)

    def _part(self, request: Request) -> Observed:
        from provision_vmware import folders, rules

        makers: dict[str, Callable[..., Observed]] = {parts.FOLDER: folders.make, parts.RULE: rules.make}
        if request.kind not in makers:
            raise ProviderError(f"vSphere has no {request.kind} to make", kind=Kind.UNSUPPORTED)
        return makers[request.kind](self._cloud, request)


def _outcome(request: Request, act: Callable[[Request], Observed]) -> Outcome:
    try:
        return Outcome(request.name, act(request))
    except ProviderError as error:
        return Outcome(request.name, error=error)
