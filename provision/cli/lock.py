"""`provision lock`: pin what the spec leaves open, or move the pins on purpose."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from provision import paths, registry
from provision.cli import console, options
from provision.provider import Context, HasImages
from provision.spec import lock as locks
from provision.spec.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.spec.lock import Lock
    from provision.spec.model import Cluster


def lock(
    spec: options.Spec = "cluster.yaml",
    update: Annotated[
        bool, typer.Option("--update", help="Resolve images anew and take the newest additions; may replace machines.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the lock as JSON.")] = False,
) -> None:
    """Pin a cluster's uid, images and additions in the lock beside the spec; keep it in git.

    Without --update only what is missing is added, and nothing that is pinned moves.

    \b
    Example:
      provision lock --update cluster.yaml && git diff cluster.lock
    """
    cluster = load(spec)
    path = locks.path_for(spec)
    old = locks.read(path)
    new = (old or locks.Lock.fresh(cluster)).renewed(cluster)
    new = new.pinned(cluster, resolver(cluster), again=update)
    new = new.with_additions(locks.NEWEST_ADDITIONS) if update else new
    locks.write(path, new)
    if as_json:
        console.emit(new.to_json())
    else:
        console.out("\n".join([f"{path}: {_headline(old, new)}", *changes(old, new)]))


def resolver(cluster: Cluster) -> Callable[[str, str], str]:
    """Return what resolves an image's name at its provider; where there are no aliases, names mean themselves.

    The function raises ProviderError when a platform does not know the name, or cannot be asked.
    """

    def resolve(name: str, image: str) -> str:
        context = Context(paths.data() / name, paths.cache(), lambda: datetime.now(UTC), cluster.directory)
        provider = registry.load(name)(cluster.providers.get(name, {}), context)
        return provider.resolve(image) if isinstance(provider, HasImages) else image

    return resolve


def changes(old: Lock | None, new: Lock) -> list[str]:
    """Return what moved, a line each."""
    before = old.images if old else {}
    lines = [
        f"  {provider}: {name} is {found} now, was {before.get(provider, {}).get(name) or 'not pinned'}"
        for provider, images in new.images.items()
        for name, found in images.items()
        if before.get(provider, {}).get(name) != found
    ]
    if old and old.additions != new.additions:
        lines.append(f"  additions: version {new.additions} now, was {old.additions}")
    return lines


def _headline(old: Lock | None, new: Lock) -> str:
    if old is None:
        return f"cluster {new.cluster}, uid {new.uid}, made"
    return f"cluster {new.cluster}, uid {new.uid}, {'unchanged' if old == new else 'changed'}"
