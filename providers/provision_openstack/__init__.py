"""The provider for OpenStack: nova, neutron and glance of one project.

Machines of one payload go out in one POST /servers (min_count), with every label in its metadata; all machines of a
cluster are read with one call. Nova has no idempotency key, so each creation looks for its token before it makes
anything. The SDK is imported on the first call, by `sdk` alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from provision.model import MACHINE
from provision.provider import Traits
from provision_openstack import altering, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Context, Outcome

PAYLOAD_LIMIT = 65_535
"""Of user data after base64 (https://docs.openstack.org/api-ref/compute/#create-server, user_data)."""


class OpenStack:
    """OpenStack, one region of one project."""

    name: ClassVar[str] = parts.PROVIDER
    options_schema: ClassVar[str] = "options.schema.json"
    traits: ClassVar[Traits] = Traits(
        formats=frozenset({"ignition", "cloud-config"}),
        platform="openstack",
        payload_limit=PAYLOAD_LIMIT,
        encoding="base64",
        batch=100,
        delete_batch=1,
        idempotent=False,
        concurrency=8,
        rate=20.0,
        planned_addresses=True,  # on a network of the cluster's own; on an existing one, see the options
        # What switches itself off stays, and is billed: at the deadline its work ends, and the reaper deletes it.
        power_off_deletes=False,
        kinds=parts.KINDS,
        changeable=altering.CHANGEABLE,
        settle=10.0,
        account=frozenset({"cloud", "region"}),
        access=frozenset({"cloud", "image_sources", "upload_images"}),
    )

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the options; the first call connects."""
        from provision_openstack.finding import Catalogue
        from provision_openstack.sdk import Cloud
        from provision_openstack.settings import Settings

        self._context = context
        self._settings = Settings.read(options)
        if not self._settings.planned_addresses:
            self.traits = replace(type(self).traits, planned_addresses=False)  # type: ignore[misc]
        self._cloud = Cloud(self._settings)
        self._catalogue = Catalogue(self._cloud)

    def check(self, wanted: Wanted) -> Report:
        """Look, without changing anything, for all that would stop `up`."""
        from provision_openstack import checking

        return checking.report(self._cloud, self._catalogue, self._settings, wanted)

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return images, key pair, server groups, network, subnet, router, security group, floating addresses."""
        return parts.requests(wanted, self._settings)

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Yield machines first, then everything else that is the owner's."""
        from provision_openstack import listing

        return listing.everything(self._cloud, owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make things; equal machines in one call."""
        from provision_openstack import machines, making, shared

        tools = shared.Tools(self._cloud, self._catalogue, self._context.cache)
        yield from (shared.part(tools, request) for request in batch if request.kind != MACHINE)
        for launch in machines.launches([request for request in batch if request.kind == MACHINE]):
            yield from making.launch(self._cloud, self._catalogue, self._settings.network, launch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels, protection and the networks that ssh is open to."""
        return altering.alter(self._cloud, batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove things, one by one."""
        from provision_openstack import removing

        return removing.remove(self._cloud, batch)

    def console(self, machine: Observed) -> str:
        """Return the serial console's text so far.

        Raises:
            ProviderError: the machine is gone, or nova could not be asked.
        """
        from provision_openstack import acting

        return acting.console(self._cloud, machine.id)

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine on or off.

        Raises:
            ProviderError: CONFLICT while nova is doing something else with it.
        """
        from provision_openstack import acting

        acting.power(self._cloud, machine.id, on)

    def resolve(self, image: str) -> str:
        """Return the id that an image's name means now, or URL and digest of a release to upload.

        Raises:
            ProviderError: there is no such image, or several have the name, or it cannot be looked up.
        """
        from provision_openstack import images

        return images.resolve(image, self._settings, self._catalogue)
