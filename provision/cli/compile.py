"""`provision compile`: each machine's first-boot config, slots shown by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.apply.compiling import compiled, findings
from provision.cli import console, options
from provision.errors import SpecError, UsageError
from provision.firstboot.recipe import describe
from provision.spec.load import load


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
    cluster = load(spec)
    made = compiled(cluster, spec)
    report = findings(cluster, made)
    if not report.ok:
        raise SpecError(report)
    console.show(report)
    if machine not in {None, *made.recipes}:
        raise UsageError(f"{cluster.name} has no machine {machine!r}", hint=f"there are: {', '.join(made.recipes)}")
    texts = {name: describe(recipe) for name, recipe in made.recipes.items() if machine in {None, name}}
    if output is None:
        for text in texts.values():
            console.out(text)
        return
    _write(output, texts)
    console.note(f"{len(texts)} file{'s' * (len(texts) != 1)} in {output}")


def _write(directory: Path, texts: dict[str, str]) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (directory / f"{name}.ign").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
