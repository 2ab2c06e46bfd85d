"""What else there is in the region: things of the kinds that provision makes, without its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision_ec2 import listing, observe, parts, tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Observed
    from provision_ec2.sdk import Cloud


def unlabelled(cloud: Cloud) -> Iterator[Observed]:
    """Yield instances, then parts, without owner tags; what AWS puts into every account by itself is left out.

    Volumes and interfaces that an instance holds are not reported besides it.

    Raises:
        ProviderError: EC2 could not be asked.
    """
    for item in listing.instances(cloud, None, everybody=True):
        if _foreign(item):
            yield observe.machine(item)
    given: set[str] = set()
    for kind in parts.KINDS:
        for item in listing.described(cloud, kind, []):
            if item.get("IsDefault"):
                given.add(item["VpcId"])
            elif _foreign(item) and listing.loose(item) and not _by_aws(kind, item, given):
                yield observe.part(kind, item)


def _foreign(item: Json) -> bool:
    return tags.UID not in tags.plain(item)


def _by_aws(kind: str, item: Json, given: set[str]) -> bool:
    """Tell what came with a VPC, or with the account's default VPC."""
    if kind == parts.GROUP:
        return bool(item.get("GroupName") == "default")
    if kind == parts.ROUTES and any(link.get("Main") for link in item.get("Associations", [])):
        return True
    networks = {item.get("VpcId"), *(link.get("VpcId") for link in item.get("Attachments", []))}
    return kind != parts.VPC and bool(networks & given)
