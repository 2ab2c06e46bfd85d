"""Names to ids: flavors, images, networks. Looked up once in a run, since each costs a call."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_openstack.machines import is_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.model import Json
    from provision_openstack.sdk import Cloud


class Catalogue:
    """What the project can use, as far as it was asked for."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = Lock()
        self._held: dict[str, list[Json]] = {}

    def flavors(self) -> list[Json]:
        """Return all flavors that the project may use."""
        return self._once("flavors", lambda: list(self._cloud.pages("compute", "/flavors/detail", "flavors")))

    def flavor(self, name: str) -> Json:
        """Return a flavor by its name or id.

        Raises:
            ProviderError: there is none, or several have the name.
        """
        return _one(self.flavors(), name, "flavor", "`openstack flavor list` shows them")

    def images(self, name: str) -> list[Json]:
        """Return the images that can be used and have a name."""
        found = self._once(
            f"image {name}",
            lambda: list(self._cloud.pages("image", "/images", "images", name=name, status="active")),
        )
        return [item for item in found if not item.get("os_hidden")]

    def image(self, name: str) -> Json:
        """Return an image by its id or name.

        Raises:
            ProviderError: there is none that can be used, or several have the name.
        """
        if is_id(name):
            return self._once(f"image {name}", lambda: [self._cloud.call("image", "GET", f"/images/{name}")])[0]
        return _one(self.images(name), name, "image", "`openstack image list` shows them")

    def network(self, name: str) -> Json:
        """Return a network by its name or id.

        Raises:
            ProviderError: there is none, or several have the name.
        """
        key = "id" if is_id(name) else "name"
        found = self._once(
            f"network {name}", lambda: list(self._cloud.pages("network", "/networks", "networks", **{key: name}))
        )
        return _one(found, name, "network", "`openstack network list` shows them")

    def external(self, name: str) -> Json:
        """Return the external network: the named one, or the only one.

        Raises:
            ProviderError: there is none, or several and none is named.
        """
        if name:
            return self.network(name)
        marks = {"router:external": "true"}
        found = self._once(
            "external networks", lambda: list(self._cloud.pages("network", "/networks", "networks", **marks))
        )
        if len(found) == 1:
            return found[0]
        names = ", ".join(sorted(item["name"] for item in found))
        message = f"which external network: there are {names}" if found else "there is no external network"
        hint = "name it in `external_network`" if found else "write `router: false` and `floating_ip: false`"
        raise ProviderError(message, kind=Kind.INVALID, code="ExternalNetwork", hint=hint)

    def _once(self, key: str, look: Callable[[], list[Json]]) -> list[Json]:
        with self._lock:
            if key not in self._held:
                self._held[key] = look()
            return self._held[key]


def _one(items: list[Json], name: str, what: str, hint: str) -> Json:
    found = [i for i in items if i["id"] == name] or [i for i in items if i["name"] == name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ProviderError(f"there is no {what} {name!r}", kind=Kind.NOT_FOUND, code="NoSuchName", hint=hint)
    ids = ", ".join(item["id"] for item in found[:5])
    message = f"{len(found)} {what}s are called {name!r}: {ids}"
    raise ProviderError(message, kind=Kind.INVALID, code="AmbiguousName", hint="name one by its id")
