"""What else there is in the project: things of the kinds that provision makes, without its labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.model import Labels, Observed
from provision_gce import labels, listing, observe, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json
    from provision_gce.sdk import Cloud

GIVEN = "default"
"""The network that Google puts into each project, with its rules, whose names begin so."""

LISTS = {
    parts.NETWORK: "networks.list",
    parts.SUBNETWORK: "subnetworks.aggregatedList",
    parts.FIREWALL: "firewalls.list",
}


def unlabelled(cloud: Cloud) -> Iterator[Observed]:
    """Yield machines, disks that no machine holds, then networks and rules; the default network is left out.

    Raises:
        ProviderError: GCE could not be asked.
    """
    for item in cloud.items("instances.aggregatedList"):
        if labels.UID not in item.get("labels", {}):
            yield observe.machine(item)
    for item in cloud.items("disks.aggregatedList"):
        if labels.UID not in item.get("labels", {}) and listing.loose(item):
            yield observe.disk(item)
    for kind, operation in LISTS.items():
        for item in cloud.items(operation):
            if labels.from_description(item.get("description", "")) is None and not _given(kind, item):
                yield _part(kind, item)


def _given(kind: str, item: Json) -> bool:
    network = item.get("network", "").rpartition("/")[2]
    by_google = kind != parts.FIREWALL or item["name"].startswith(f"{GIVEN}-")
    return bool(item["name"] == GIVEN or network == GIVEN) and by_google


def _part(kind: str, item: Json) -> Observed:
    nobody = Labels("", "", item["name"], 0, "", "never", "")
    return replace(observe.part(kind, item, nobody), labels=None)
