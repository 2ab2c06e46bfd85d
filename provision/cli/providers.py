"""`provision providers`: which plugins are there, and where they come from."""

from __future__ import annotations

from typing import Annotated

import typer

from provision import registry
from provision.cli import console
from provision.errors import ProviderMissing


def providers(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show the installed provider plugins, and whether each can be loaded.

    \b
    Example:
      provision providers --json
    """
    found = [_describe(name) for name in registry.available()]
    if as_json:
        console.emit(found)
    else:
        console.table(("PROVIDER", "FROM", "VERSION", "STATE"), [tuple(f.values()) for f in found])


def _describe(name: str) -> dict[str, str]:
    point = registry.available()[name]
    try:
        registry.load(name)
        state = "ready"
    except ProviderMissing as error:
        state = f"{error.message} ({error.hint})"
    dist = point.dist
    return {
        "name": name,
        "from": dist.name if dist else "",
        "version": dist.version if dist else "",
        "state": state,
    }
