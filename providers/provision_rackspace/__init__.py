"""The provider for Rackspace's public cloud of the first OpenStack generation: nova v2 of one region of one account.

Each machine goes out in one POST /servers, with its labels in its metadata; all machines of a cluster are read with one
call. Nova has no idempotency key, so each creation looks for its token before it makes anything. pyrax is imported on
the first call, by `sdk` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from provision.provider import Traits
from provision_rackspace import parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Context, Outcome

PAYLOAD_LIMIT = 65_535
"""Of user data after base64, as in nova (https://docs.openstack.org/api-ref/compute/#create-server, user_data)."""


class Rackspace:
    """Rackspace, one region of one account."""

    name: ClassVar[str] = parts.PROVIDER
    options_schema: ClassVar[str] = "options.schema.json"
    traits: ClassVar[Traits] = Traits(
        formats=frozenset({"ignition", "cloud-config"}),
        platform="openstack",  # the config drive has OpenStack's form
        payload_limit=PAYLOAD_LIMIT,
        encoding="base64",
        concurrency=4,
        rate=5.0,
        # What switches itself off stays, and is billed: at the deadline its work ends, and the reaper deletes it.
        power_off_deletes=False,
        kinds=parts.KINDS,
        settle=10.0,
        account=frozenset({"auth_url", "credentials", "region"}),
        access=frozenset({"auth_url", "credentials"}),
    )

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the options; the first call connects."""
        from provision_rackspace.finding import Catalogue
        from provision_rackspace.sdk import Cloud
        from provision_rackspace.settings import Settings

        self._settings = Settings.read(options)
        self._cloud = Cloud(self._settings, context.spec_dir)
        self._catalogue = Catalogue(self._cloud)

    @classmethod
    def load_sdk(cls) -> None:
        """Import pyrax.

        Raises:
            ProviderMissing: it is missing or broken; the hint holds the commands that install it.
        """
        from provision_rackspace import sdk

        sdk.load()

    def check(self, wanted: Wanted) -> Report:
        """Look, without changing anything, for all that would stop `up`."""
        from provision_rackspace import checking

        return checking.report(self._cloud, self._catalogue, self._settings, wanted)

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return the key pair and the cloud network."""
        return parts.requests(wanted, self._settings)

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Yield machines first, then everything else that is the owner's."""
        from provision_rackspace import listing

        return listing.everything(self._cloud, owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make things, each by a call of its own."""
        from provision_rackspace import making

        return making.make(self._cloud, self._catalogue, self._settings.network, batch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels and protection."""
        from provision_rackspace import altering

        return altering.alter(self._cloud, batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove things, one by one."""
        from provision_rackspace import removing

        return removing.remove(self._cloud, batch)

    def resolve(self, image: str) -> str:
        """Return the id that an image's name means now.

        Raises:
            ProviderError: there is no such image, or several have the name, or it cannot be looked up.
        """
        return str(self._catalogue.image(image)["id"])
