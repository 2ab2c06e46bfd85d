"""`provision schema`: JSON Schemas, for editors and for other programs."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Annotated

import typer

from provision import registry
from provision.cli import console
from provision.errors import UsageError
from provision.spec import schema as schemas
from provision.spec.rules.options import options_schema
from provision.spec.words import listing, suggest

if TYPE_CHECKING:
    from provision.model import Json

_END = ".schema.json"


def schema(
    name: Annotated[str, typer.Argument(help="cluster, lock, or a provider's name; all names if left out.")] = "",
) -> None:
    """Write a JSON Schema (Draft 2020-12) to stdout.

    Editors that speak the YAML language server's protocol take it from a first line in the spec:
    # yaml-language-server: $schema=cluster.schema.json

    \b
    Example:
      provision schema cluster >cluster.schema.json
    """
    if name:
        console.emit(_find(name))
    else:
        console.table(("NAME", "IS FOR"), [*_ours(), *((one, "options of the provider") for one in _providers())])


def _find(name: str) -> Json:
    files = {short: file for short, file, _ in _files()}
    if name in files:
        return schemas.load(files[name])
    if name in _providers():
        return options_schema(registry.load(name))
    known = [*files, *_providers()]
    raise UsageError(f"there is no schema {name!r}", hint=suggest(name, known) or f"known are {listing(known, 'and')}")


def _ours() -> list[tuple[str, str]]:
    return [(short, title) for short, _, title in _files()]


def _files() -> list[tuple[str, str, str]]:
    """Return short name, file and title of each schema; the newest version has the short name."""
    names = [file.name for file in resources.files("provision_schemas").iterdir() if file.name.endswith(_END)]
    newest = {name.split(".")[0]: name for name in sorted(names)}
    return [(short, name, schemas.load(name).get("title", "")) for short, name in newest.items()]


def _providers() -> list[str]:
    return list(registry.available())
