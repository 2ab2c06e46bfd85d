"""What machines are billed for besides their size, and today's prices from the AWS Price List API.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.provider import Billed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from provision.model import Json
    from provision_ec2.sdk import Cloud

ADDRESS = "public-ipv4"
DEFAULT_VOLUME = "gp2"
"""The type of a volume for which none is named
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html)."""

MACHINES = {
    "regionCode": "",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "productFamily": "Compute Instance",
}
DISKS = {"regionCode": "", "productFamily": "Storage"}


def extras(options: Json) -> Sequence[Billed]:
    """Return the root volume, where its size is given, and the public address. Pure."""
    volume = options.get("root_volume", {})
    disk = [Billed("disk", volume.get("type", DEFAULT_VOLUME), volume["size_gib"])] if "size_gib" in volume else []
    return [*disk, *([Billed("address", ADDRESS)] if options.get("associate_public_ip", True) else [])]


def price_list(cloud: Cloud, region: str, today: datetime) -> Json:
    """Return a region's prices of machines and disks in the form of the lists that are shipped.

    Raises:
        ProviderError: the credentials may not ask (``pricing:GetProducts``), or AWS could not be asked.
    """
    machines = _prices(cloud, {**MACHINES, "regionCode": region}, "instanceType", "Hrs")
    disks = _prices(cloud, {**DISKS, "regionCode": region}, "volumeApiName", "GB-Mo")
    return {
        "date": today.strftime("%Y-%m-%d"),
        "source": "the AWS Price List API",
        "currency": "USD",
        "regions": [region],
        "sizes": {name: [price] for name, price in sorted(machines.items())},
        "disks": {name: [price] for name, price in sorted(disks.items())},
    }


def _prices(cloud: Cloud, filters: dict[str, str], named: str, unit: str) -> dict[str, float]:
    wanted = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()]
    found: dict[str, float] = {}
    products = cloud.pages("get_products", "PriceList", service="pricing", ServiceCode="AmazonEC2", Filters=wanted)
    for text in products:
        product = json.loads(text) if isinstance(text, str) else text
        name = product["product"].get("attributes", {}).get(named)
        for price in _on_demand(product, unit):
            if name and price > 0:
                found[name] = price
    return found


def _on_demand(product: Json, unit: str) -> Iterator[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            if dimension.get("unit") == unit and "USD" in dimension.get("pricePerUnit", {}):
                yield float(dimension["pricePerUnit"]["USD"])
