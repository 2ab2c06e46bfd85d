"""The provider for Amazon EC2.

Machines of one payload go out in one RunInstances under the engine's token, with every label in the same call; all
machines of a cluster are read with one DescribeInstances and ended with one TerminateInstances for each thousand.
The SDK is imported on the first call, by `sdk` alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from provision.model import MACHINE
from provision.provider import Traits
from provision_ec2 import altering, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Request, Wanted
    from provision.provider import Billed, Context, Outcome


class EC2:
    """Amazon EC2, one region of one account."""

    name: ClassVar[str] = parts.PROVIDER
    options_schema: ClassVar[str] = "options.schema.json"
    traits: ClassVar[Traits] = Traits(
        formats=frozenset({"ignition", "cloud-config"}),
        platform="aws",
        # Raw bytes, before base64: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
        payload_limit=16_384,
        # At most 100: the roster of a batch must fit into the tags of an instance.
        batch=100,
        delete_batch=1000,
        idempotent=True,
        concurrency=16,
        # EC2 allows bursts, then throttles by call (RunInstances: 2 a second); the engine slows down when it does.
        rate=50.0,
        planned_addresses=True,  # on a network of the cluster's own; on an existing one, see the options
        power_off_deletes=True,
        kinds=parts.KINDS,
        changeable=altering.CHANGEABLE,
        account=frozenset({"region", "profile", "endpoint_url"}),
        access=frozenset({"profile", "endpoint_url", "image_sources"}),
    )

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the options; the first call connects."""
        from provision_ec2.sdk import Cloud
        from provision_ec2.settings import Settings
        from provision_ec2.subnets import Subnets

        self._context = context
        self._settings = Settings.read(options)
        if not self._settings.planned_addresses:
            self.traits = replace(type(self).traits, planned_addresses=False)  # type: ignore[misc]
        self._cloud = Cloud(self._settings, connections=self.traits.concurrency)
        self._subnets = Subnets(self._cloud)

    def check(self, wanted: Wanted) -> Report:
        """Look, without changing anything, for all that would stop `up`."""
        from provision_ec2 import checking

        return checking.report(self._cloud, self._settings, self._context, wanted)

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return VPC, internet gateway, route table, subnets, security group and key pair, without the existing."""
        return parts.requests(wanted, self._settings)

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Yield machines first, then everything else that carries the owner's tags."""
        from provision_ec2 import listing

        return listing.everything(self._cloud, owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make things; equal machines in one call."""
        from provision_ec2 import machines, making

        yield from (making.part(self._cloud, request) for request in batch if request.kind != MACHINE)
        for launch in machines.launches([request for request in batch if request.kind == MACHINE]):
            yield from making.launch(self._cloud, self._subnets, launch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels, termination protection and the networks that ssh is open to."""
        return altering.alter(self._cloud, batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove things; machines in one call for each thousand."""
        from provision_ec2 import removing

        return removing.remove(self._cloud, batch)

    def console(self, machine: Observed) -> str:
        """Return the serial console's text, as new as EC2 has it.

        Raises:
            ProviderError: the machine is gone, or EC2 could not be asked.
        """
        from provision_ec2 import console

        return console.text(self._cloud, machine.id)

    def resolve(self, image: str) -> str:
        """Return the AMI id that an image alias means now in this region; an AMI id means itself.

        Raises:
            ProviderError: there is no such alias, or the release metadata cannot be read.
        """
        from provision_ec2 import images

        return images.resolve(image, self._settings, self._context)

    def billed(self, options: Json) -> Sequence[Billed]:
        """Return the root volume, where its size is given, and the public address."""
        from provision_ec2 import bill

        return bill.extras(options)

    def price_list(self) -> Json:
        """Return the region's prices as the AWS Price List API tells them today.

        Raises:
            ProviderError: the credentials may not ask, or AWS could not be asked.
        """
        from provision_ec2 import bill

        return bill.price_list(self._cloud, self._settings.region, self._context.clock())

    def unlabelled(self) -> Iterator[Observed]:
        """Yield instances, networks and whatever else of our kinds bears no owner tags."""
        from provision_ec2 import foreign

        return foreign.unlabelled(self._cloud)
