"""`provision init`: a first spec with comments, and a node config."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from provision.cli import console
from provision.errors import UsageError

FILES = ("cluster.yaml", "node.bu")
_NAME = "[a-z]([a-z0-9-]{0,38}[a-z0-9])?"
_KEY = "~/.ssh/id_ed25519.pub"


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write; made if need be.")] = Path(),
    name: Annotated[str, typer.Option("--name", help="The cluster's name; the folder's if left out.")] = "",
) -> None:
    """Write a commented starter spec, cluster.yaml, and its node config, node.bu.

    Nothing is overwritten.

    \b
    Example:
      provision init demo && cd demo && provision validate cluster.yaml
    """
    there = [file for file in FILES if (directory / file).exists() or (directory / file).is_symlink()]
    if there:
        raise UsageError(f"{directory / there[0]} exists already", hint="choose another folder: `provision init DIR`")
    cluster = name or name_from(directory.absolute().name)
    if not re.fullmatch(_NAME, cluster):
        hint = "lower-case letters, digits and hyphens; a letter first"
        raise UsageError(f"{cluster!r} cannot be a cluster's name", hint=hint)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            with (directory / file).open("x", encoding="utf-8") as target:
                target.write(starter(file, cluster, has_key=Path(_KEY).expanduser().is_file()))
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    for file in FILES:
        console.out(str(directory / file))
    console.note(f"next: provision validate {directory / FILES[0]}")


def starter(file: str, cluster: str, *, has_key: bool) -> str:
    """Return the text of a starter file."""
    text = resources.files("provision_schemas").joinpath("starter", file).read_text("utf-8")
    keys = f"  key_files: [{_KEY}]" if has_key else f"  key_files: []                 # such as {_KEY}"
    return text.replace("@CLUSTER@", cluster).replace("@KEYS@", keys)


def name_from(folder: str) -> str:
    """Return a cluster name that resembles a folder's name."""
    plain = re.sub(r"[^a-z0-9]+", "-", folder.lower()).lstrip("-0123456789")[:32].rstrip("-")
    return "demo" if plain.split("-")[0] in ("", "provision", "localhost") else plain
