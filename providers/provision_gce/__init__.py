"""The provider for Google Compute Engine.

Machines of one payload go out in one bulkInsert under the engine's token, with every label in the same call; all
machines of a cluster, in whichever zone, are read with one aggregated list. What GCE carries out later is waited for,
never polled. The SDK is imported on the first call, by `sdk` alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from provision.model import MACHINE
from provision.provider import Traits
from provision_gce import altering, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Context, Outcome


class GCE:
    """Google Compute Engine, one project and region."""

    name: ClassVar[str] = parts.PROVIDER
    options_schema: ClassVar[str] = "options.schema.json"
    traits: ClassVar[Traits] = Traits(
        formats=frozenset({"ignition", "cloud-config"}),
        platform="gcp",
        # One metadata value, as it is: https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations
        payload_limit=262_144,
        batch=500,
        idempotent=True,
        # Each waits for an operation of some ten seconds.
        concurrency=32,
        # 1,500 requests a minute in each region: https://cloud.google.com/compute/api-quota
        rate=20.0,
        planned_addresses=True,  # on a network of the cluster's own; on an existing one, see the options
        deletes_at_deadline=True,
        kinds=parts.KINDS,
        changeable=altering.CHANGEABLE,
        account=frozenset({"project", "endpoint_url"}),
        access=frozenset({"endpoint_url", "image_sources", "extendable_hours", "restart_to_extend"}),
    )

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the options; the first call connects."""
        from provision_gce.sdk import Cloud
        from provision_gce.settings import Settings

        self._context = context
        self._settings = Settings.read(options)
        if not self._settings.planned_addresses:
            self.traits = replace(type(self).traits, planned_addresses=False)  # type: ignore[misc]
        self._cloud = Cloud(self._settings, connections=self.traits.concurrency)

    def check(self, wanted: Wanted) -> Report:
        """Look, without changing anything, for all that would stop `up`."""
        from provision_gce import checking

        return checking.report(self._cloud, self._settings, self._context, wanted)

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return network, subnetwork and firewall rules, without the existing."""
        return parts.requests(wanted, self._settings)

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Yield machines first, then everything else of the owner's."""
        from provision_gce import listing

        return listing.everything(self._cloud, owner)

    def unlabelled(self) -> Iterator[Observed]:
        """Yield machines, disks, networks and firewall rules of the project that bear no owner labels.

        Raises:
            ProviderError: GCE could not be asked.
        """
        from provision_gce import foreign

        return foreign.unlabelled(self._cloud)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make things; equal machines in one call."""
        from provision_gce import bodies, making

        machines = [request for request in batch if request.kind == MACHINE]
        yield from (making.part(self._cloud, request) for request in batch if request.kind != MACHINE)
        for launch in bodies.launches(machines, self._context.clock(), self._settings.extendable_hours):
            yield from making.launch(self._cloud, launch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels, deadlines, deletion protection and the networks that ssh is open to."""
        return altering.alter(self._cloud, self._settings, self._context.clock(), batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove things; machines are on their way when this returns."""
        from provision_gce import removing

        return removing.remove(self._cloud, batch)

    def console(self, machine: Observed) -> str:
        """Return what the first serial port has said.

        Raises:
            ProviderError: the machine is gone, or GCE could not be asked.
        """
        from provision_gce import console

        return console.text(self._cloud, machine)

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine on or off, and wait until it is.

        Raises:
            ProviderError: the machine is gone, or GCE could not be asked.
        """
        altering.power(self._cloud, machine, on)

    def resolve(self, image: str) -> str:
        """Return the image that an alias or a family means now; an image means itself.

        Raises:
            ProviderError: there is no such alias, or it cannot be looked up.
        """
        from provision_gce import images

        return images.resolve(image, self._cloud, self._settings, self._context)
