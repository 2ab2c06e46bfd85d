"""`provision compile`: each machine's first-boot config, slots shown by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.apply.session import opened
from provision.cli import console, options
from provision.firstboot.recipe import describe


def compile_(
    spec: options.Spec = "cluster.yaml",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write a file per machine here.")] = None,
    machine: Annotated[str | None, typer.Option("--machine", help="Only this machine.")] = None,
) -> None:
    """Write each machine's first-boot config with what only `up` knows shown as named slots.

    Pure: the same spec and lock give the same bytes; no secret is read and no platform asked.

    \b
    Example:
      provision compile -o build cluster.yaml && git diff --no-index build.old build
    """
    with opened(spec, mode="shared") as session:
        desired = session.desired()
    console.show(desired.compiled.report)
    texts = {name: describe(recipe) for name, recipe in desired.compiled.recipes.items() if machine in {None, name}}
    if output is None:
        for text in texts.values():
            console.out(text)
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (output / f"{name}.ign").write_text(text, encoding="utf-8")
    console.note(f"{len(texts)} files in {output}")
