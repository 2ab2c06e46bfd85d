"""Which subnet a machine goes to: the cluster's own in its zone, or the existing one that the options name."""

from __future__ import annotations

from ipaddress import IPv4Network
from threading import Lock
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_ec2 import network, parts
from provision_ec2.settings import Settings

if TYPE_CHECKING:
    from provision.model import Json, Request
    from provision_ec2.sdk import Cloud


class Subnets:
    """Chooses subnets; existing ones are asked about once, since neither their zone nor their range ever changes."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._known: dict[tuple[str, ...], list[Json]] = {}
        self._lock = Lock()

    def choose(self, request: Request) -> str:
        """Return the id of the subnet for a machine in its request's zone.

        Raises:
            ProviderError: CAPACITY when its planned address belongs to another zone's subnet, so that the engine goes
                on to that zone; INVALID when there is no subnet at all.
        """
        settings = Settings.read(request.body.get("options", {}))
        if len(settings.subnets) == 1 and not request.body.get("address"):
            return settings.subnets[0]  # EC2 refuses it by itself when the zone is another one
        near = [s for s in self._candidates(request, settings) if not request.zone or s["zone"] == request.zone]
        address = request.body.get("address", "")
        fitting = [s for s in near if not address or network.assignable(address, IPv4Network(s["cidr"]))]
        if fitting:
            return str(fitting[0]["id"])
        if near:
            raise _elsewhere(request, address)
        raise ProviderError(
            f"{request.name}: there is no subnet in zone {request.zone or '(any)'}",
            kind=Kind.INVALID,
            code="NoSubnet",
            hint="name a subnet of each zone under vpc.subnets",
        )

    def _candidates(self, request: Request, settings: Settings) -> list[Json]:
        if settings.subnets:
            return self.existing(settings.subnets)
        prefix = f"{parts.part_name(parts.SUBNET)}"
        return [dict(given) for name, given in sorted(request.inputs.items()) if name.startswith(prefix)]

    def existing(self, ids: tuple[str, ...]) -> list[Json]:
        """Return id, zone and CIDR of existing subnets, in the order in which they are named."""
        with self._lock:
            if ids not in self._known:
                found = self._cloud.call("describe_subnets", SubnetIds=list(ids))["Subnets"]
                plain = {s["SubnetId"]: _plain(s) for s in found}
                self._known[ids] = [plain[number] for number in ids]
            return self._known[ids]


def _plain(subnet: Json) -> Json:
    return {"id": subnet["SubnetId"], "zone": subnet["AvailabilityZone"], "cidr": subnet["CidrBlock"]}


def _elsewhere(request: Request, address: str) -> ProviderError:
    return ProviderError(
        f"{request.name}: its address {address} is not one of the subnet in zone {request.zone or '(any)'}",
        kind=Kind.CAPACITY,
        code="AddressNotInZone",
        hint="a machine with a planned address stays in the zone whose subnet holds it",
    )
