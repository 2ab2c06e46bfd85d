"""Files of the user's that guard against sprawl: found upwards, read with places, checked by a schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report
from provision.errors import SpecError
from provision.located import compose
from provision.spec import schema, tree
from provision.spec.files import FileError, read_text

if TYPE_CHECKING:
    from provision.spec.tree import Document


def upwards(name: str, start: Path) -> list[Path]:
    """Return the files of that name in a directory and all above it, the nearest first."""
    here = start.absolute()
    return [found for place in (here, *here.parents) if (found := place / name).is_file()]


def shown(path: Path) -> str:
    """Return a path as findings show it: relative where it lies below the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read(path: Path, schema_name: str) -> Document:
    """Read a file and check it by one of our schemas.

    Raises:
        SpecError: it cannot be read (PV700), is not YAML, or is not what the schema says; with every finding.
    """
    file = shown(path)
    try:
        text = read_text(path)
    except FileError as error:
        raise SpecError(Report([Diagnostic("PV700", f"{file} cannot be read: {error}")])) from None
    try:
        document = tree.build(compose(text, file), file, text)
    except tree.TooLarge as error:
        raise SpecError(Report([error.finding], {file: text})) from None
    findings = document.findings or _faults(document, schema_name)
    if findings:
        raise SpecError(Report(findings, {file: text}))
    return document


def _faults(document: Document, schema_name: str) -> list[Diagnostic]:
    if not isinstance(document.value, dict):
        return [
            Diagnostic("PV701", f"{document.file} is not a mapping", span=document.start, hint="begin with version: 1")
        ]
    return schema.check(document, document.value, schema.ours(schema_name))
