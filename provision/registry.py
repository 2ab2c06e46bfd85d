"""Provider plugins by name, found through the entry point group ``provision.providers``.

Entry points are read only when a provider is needed, and only the one that is asked for is imported.
``PROVISION_DISABLED_PROVIDERS`` holds names, separated by commas, that are to be treated as not installed.
"""

from __future__ import annotations

import difflib
import os
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from provision.errors import ProviderMissing

if TYPE_CHECKING:
    from provision.provider import Provider

GROUP = "provision.providers"

STORES = {
    "s3": ("ec2", "provision_ec2.bodies:S3Bodies"),
    "gs": ("gce", "provision_gce.buckets:GoogleBodies"),
    "http": ("", "provision.apply.bodies_http:HttpBodies"),
    "serve": ("", "provision.apply.bodies_served:ServedBodies"),
}
"""What keeps payloads that are too large for their platform, by the scheme of `payloads.store`: the extra that brings
its SDK, and its class. They are providers whose only things are bodies, so that the engine makes, lists, relabels and
removes bodies as it does all else."""


def available() -> dict[str, EntryPoint]:
    """Return the registered plugins by name, without importing any.

    Raises:
        ProviderMissing: two distributions register the same name.
    """
    disabled = set(filter(None, os.environ.get("PROVISION_DISABLED_PROVIDERS", "").split(",")))
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in disabled:
            continue
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ProviderMissing(
                f"provider {point.name!r} is registered twice: by {_origin(other)} and by {_origin(point)}",
                hint="uninstall one of them",
            )
    return dict(sorted(found.items()))


def load(name: str) -> type[Provider]:
    """Import and return the provider class of that name.

    Raises:
        ProviderMissing: no such plugin, or it cannot be imported.
    """
    plugins = available()
    if name in STORES:
        plugins[name] = EntryPoint(name, STORES[name][1], GROUP)
    if name not in plugins:
        close = difflib.get_close_matches(name, plugins, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"installed are: {', '.join(plugins) or 'none'}"
        raise ProviderMissing(f"there is no provider {name!r}", hint=hint)
    try:
        provider: type[Provider] = plugins[name].load()
    except (ImportError, AttributeError) as error:  # AttributeError: the entry point names what is not there
        raise ProviderMissing(
            f"provider {name!r} cannot be loaded: {error}",
            hint=f"pip install 'provision[{STORES.get(name, (name,))[0]}]'",
        ) from error
    return provider


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
