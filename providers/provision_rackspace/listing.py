"""Everything of an owner: all servers with one call, which comes first, then cloud networks, then key pairs.

Nova of that time cannot filter by metadata, so each call brings all of the account's and region's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision_rackspace import labels, observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Observed, Owner
    from provision_rackspace.sdk import Cloud


def everything(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield all machines, then all parts.

    Raises:
        ProviderError: Rackspace could not be asked.
    """
    yield from machines(cloud, owner)
    for item in networks(cloud):
        if _is_named(item.get("label", ""), owner):
            yield observe.network(item)
    for name in key_pairs(cloud):
        if _is_named(name, owner):
            yield observe.key_pair(name)


def machines(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield the servers of an owner, errors and those that are being deleted included."""
    for item in cloud.pages("/servers/detail", "servers"):
        found = observe.machine(item, cloud.region())
        if found.labels is not None and labels.whose(owner, found.labels.cluster, found.labels.uid):
            yield found


def by_token(cloud: Cloud, name: str, token: str) -> Observed | None:
    """Return the server of a name that a token has made; nova finds longer names too."""
    for item in cloud.pages("/servers/detail", "servers", name=name):
        if item.get("metadata", {}).get(labels.TOKEN) == token:
            return observe.machine(item, cloud.region())
    return None


def networks(cloud: Cloud) -> list[Json]:
    """Return the account's cloud networks, PublicNet and ServiceNet among them."""
    found: list[Json] = cloud.call("GET", "/os-networksv2").get("networks", [])
    return found


def key_pairs(cloud: Cloud) -> list[str]:
    """Return the names of the account's key pairs."""
    return [entry["keypair"]["name"] for entry in cloud.call("GET", "/os-keypairs").get("keypairs", [])]


def _is_named(text: str, owner: Owner | None) -> bool:
    found = labels.named(text)
    return found is not None and labels.whose(owner, *found)
