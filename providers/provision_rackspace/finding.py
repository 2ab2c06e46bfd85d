"""Names to ids: flavors, images, networks. Looked up once in a run, since each costs a call."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_rackspace import listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.model import Json
    from provision_rackspace.sdk import Cloud


class Catalogue:
    """What the account can use, as far as it was asked for."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = Lock()
        self._held: dict[str, list[Json]] = {}

    def flavor(self, name: str) -> Json:
        """Return a flavor by its id or name.

        Raises:
            ProviderError: there is none, or several have the name.
        """
        found = self._once("flavors", lambda: list(self._cloud.pages("/flavors/detail", "flavors")))
        return _one(found, name, "name", "flavor")

    def image(self, name: str) -> Json:
        """Return an image by its id or name.

        Raises:
            ProviderError: there is none, or several have the name.
        """
        found = self._once("images", lambda: list(self._cloud.pages("/images/detail", "images")))
        return _one(found, name, "name", "image")

    def network(self, name: str) -> Json:
        """Return a cloud network by its id or label.

        Raises:
            ProviderError: there is none, or several have the label.
        """
        return _one(self._once("networks", lambda: listing.networks(self._cloud)), name, "label", "cloud network")

    def _once(self, key: str, look: Callable[[], list[Json]]) -> list[Json]:
        with self._lock:
            if key not in self._held:
                self._held[key] = look()
            return self._held[key]


def _one(items: list[Json], name: str, key: str, what: str) -> Json:
    found = [i for i in items if i["id"] == name] or [i for i in items if i.get(key) == name]
    if len(found) == 1:
        return found[0]
    if not found:
        known = ", ".join(sorted(str(i.get(key)) for i in items)[:8])
        hint = f"there are {known}{', ...' if len(items) > 8 else ''}" if items else None
        raise ProviderError(f"there is no {what} {name!r}", kind=Kind.NOT_FOUND, code="NoSuchName", hint=hint)
    ids = ", ".join(item["id"] for item in found[:5])
    message = f"{len(found)} {what}s are called {name!r}: {ids}"
    raise ProviderError(message, kind=Kind.INVALID, code="AmbiguousName", hint="name one by its id")
