"""`provision image`: images of a spec on the platforms that it names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from provision import paths, registry
from provision.cli import console, options
from provision.provider import Context, HasImport
from provision.spec.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.provider import Provider
    from provision.spec.model import Cluster

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Look after the images that machines are made of.

    \b
    Example:
      provision image import cluster.yaml
    """,
)


@app.callback()
def image() -> None:
    """Keep `import` a command of its own, though it is the only one."""


@app.command("import")
def import_(
    spec: options.Spec = "cluster.yaml",
    as_json: Annotated[bool, typer.Option("--json", help="Write what was imported as JSON.")] = False,
) -> None:
    """Import the images that a spec names by file or URL into the platforms that keep images of their own.

    Each is checked against its SHA-256 and imported once; one that is there already is left as it is.

    \b
    Example:
      provision image import cluster.yaml
    """
    cluster = load(spec)
    found = [
        (name, image, provider.import_image(image, _progress(image)))
        for name, image in _wanted(cluster)
        if isinstance(provider := _provider(cluster, name), HasImport)
    ]
    if as_json:
        console.emit([{"provider": provider, "image": image, "name": name} for provider, image, name in found])
    elif not found:
        console.out("nothing to import: the spec names no image by file or URL on a platform that keeps its own")
    else:
        console.out("\n".join(f"{provider}: {image.partition('#')[0]} is {name}" for provider, image, name in found))


def _wanted(cluster: Cluster) -> list[tuple[str, str]]:
    """Return each provider and image once; an image without a digest is the name of one that is there."""
    used = ((m.provider, m.image or m.options.get("image", "")) for m in cluster.machines)
    return [(provider, image) for provider, image in dict.fromkeys(used) if "#" in image]


def _provider(cluster: Cluster, name: str) -> Provider:
    context = Context(paths.data() / name, paths.cache(), lambda: datetime.now(UTC), cluster.directory)
    return registry.load(name)(cluster.providers.get(name, {}), context)


def _progress(image: str) -> Callable[[int, int], None]:
    """Return what tells how far it is, in steps of a tenth."""
    name = image.partition("#")[0].rpartition("/")[2]
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        part = done * 10 // total if total else -1
        if part > told:
            told = part
            console.note(f"{name}: {done >> 20} of {total >> 20} MiB")

    return tell
