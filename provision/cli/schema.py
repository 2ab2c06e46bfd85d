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
    name: Annotated[str, typer.Argument(help="cluster, lock, butane, or a provider; all names if left out.")] = "",
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
        rows = [*_ours(), *((one, "options of the provider") for one in _providers())]
        rows += [
            ("butane", "Butane node configs"),
            ("butane-VARIANT-VERSION", "Butane of one version, as butane-fcos-1.6.0"),
        ]
        console.table(("NAME", "IS FOR"), rows)


def _find(name: str) -> Json:
    files = {short: file for short, file, _ in _files()}
    if name in files:
        return schemas.load(files[name])
    if name in _providers():
        return options_schema(registry.load(name))
    if name in _butane():
        from provision.firstboot.butane import json_schema

        return json_schema(*_butane()[name])
    known = [*files, *_providers(), *_butane()]
    raise UsageError(f"there is no schema {name!r}", hint=suggest(name, known) or f"known are {listing(known, 'and')}")


def _butane() -> dict[str, tuple[str, ...]]:
    """Return the schemas of Butane by name: ``butane`` for all variants, ``butane-fcos-1.6.0`` for one version."""
    from provision.firstboot.butane.variants import names

    return {"butane": (), **{f"butane-{variant}-{version}": (variant, version) for variant, version in names()}}


def _ours() -> list[tuple[str, str]]:
    return [(short, title) for short, _, title in _files()]


def _files() -> list[tuple[str, str, str]]:
    """Return short name, file and title of each schema; the newest version has the short name."""
    names = [file.name for file in resources.files("provision_schemas").iterdir() if file.name.endswith(_END)]
    newest = {name.split(".")[0]: name for name in sorted(names)}
    return [(short, name, schemas.load(name).get("title", "")) for short, name in newest.items()]


def _providers() -> list[str]:
    return list(registry.available())
