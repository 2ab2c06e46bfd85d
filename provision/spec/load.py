"""The way in: a spec's text or file to a `Cluster`, or to all that is wrong with it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from provision import registry
from provision.diagnostics import Diagnostic, Report, Span
from provision.errors import SpecError
from provision.located import compose, span
from provision.spec import lock as locks
from provision.spec import tree, versions
from provision.spec.files import Disk, FileError, read_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.diagnostics import Path as Trail
    from provision.provider import Provider
    from provision.spec.files import Files
    from provision.spec.lock import Lock
    from provision.spec.model import Cluster

    Plugins = Callable[[str], type[Provider]]

NAMED = frozenset(("pools", "machines", "secrets", "providers"))
"""Sections in which a key without a value is still there: ``providers: {qemu: }`` takes every default."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a spec: the cluster unless there are errors, and every finding."""

    cluster: Cluster | None
    report: Report


def load(path: str | Path, *, find_plugin: Plugins | None = None) -> Cluster:
    """Read a spec, the lock beside it, and all files that it names.

    Args:
        path: the spec's file, shown in findings as it is given here.
        find_plugin: returns a provider's class by name; `provision.registry.load` if None.

    Raises:
        SpecError: with every finding, warnings included. A cluster's own warnings are in `Cluster.warnings`.
    """
    return _or_raise(check(path, find_plugin=find_plugin))


def load_text(
    text: str,
    *,
    file: str = "cluster.yaml",
    files: Files | None = None,
    find_plugin: Plugins | None = None,
    lock: Lock | None = None,
) -> Cluster:
    """Read a spec from a text; `files` reads what it names (from the working directory if None).

    Raises:
        SpecError: as `load`.
    """
    return _or_raise(check_text(text, file=file, files=files, find_plugin=find_plugin, lock=lock))


def check(path: str | Path, *, find_plugin: Plugins | None = None) -> Loaded:
    """Read a spec like `load`, and return what is wrong instead of raising it."""
    file = str(path)
    try:
        text = read_text(Path(path))
    except FileError as error:
        hint = "`provision init` writes a first one" if not os.path.lexists(file) else None
        return Loaded(None, Report([Diagnostic("PV003", f"{file} cannot be read: {error}", hint=hint)]))
    lock, problems = None, Report()
    try:
        lock = locks.read(locks.path_for(file))
    except SpecError as error:
        problems = error.report
    files = Disk(Path(path).absolute().parent)
    loaded = check_text(text, file=file, files=files, find_plugin=find_plugin, lock=lock)
    loaded.report.extend(problems)
    return loaded if problems.ok else Loaded(None, loaded.report)


def check_text(
    text: str,
    *,
    file: str = "cluster.yaml",
    files: Files | None = None,
    find_plugin: Plugins | None = None,
    lock: Lock | None = None,
) -> Loaded:
    """Read a spec like `load_text`, and return what is wrong instead of raising it."""
    report = Report(sources={file: text})
    try:
        document = tree.build(compose(text, file), file, text, _absent)
    except SpecError as error:
        return Loaded(None, error.report)
    except UnicodeEncodeError as error:  # half a surrogate pair, which no file holds
        report.error("PV003", f"{file} cannot be read: no text at character {error.start}")
        return Loaded(None, report)
    except tree.TooLarge as error:
        report.add(error.finding)
        return Loaded(None, report)
    report.extend(document.findings)
    report.extend(_shape(document))
    if not isinstance(document.value, dict):
        return Loaded(None, report)
    cluster = versions.read(document, report, files or Disk(Path.cwd()), find_plugin or registry.load, lock)
    return Loaded(replace(cluster, warnings=tuple(report.sorted())) if cluster else None, report)


def _absent(path: Trail) -> tree.Plain:
    return {} if len(path) == 2 and path[0] in NAMED else None


def _shape(document: tree.Document) -> list[Diagnostic]:
    """Check that the text is one mapping and nothing after it."""
    if document.value is None:
        hint = "`provision init` writes a first spec"
        return [Diagnostic("PV005", "the spec is empty", span=document.start, hint=hint)]
    if not isinstance(document.value, dict):
        return [Diagnostic("PV005", "the spec is not a mapping", span=document.start, hint="begin with `version: 1`")]
    second = _second(document)
    hint = "write each cluster in a file of its own"
    return [Diagnostic("PV008", "a second document begins here", span=second, hint=hint)] if second else []


def _second(document: tree.Document) -> Span | None:
    """Return where a second document begins, which `compose` passes over."""
    if "\n---" not in document.text and "\n..." not in document.text:
        return None
    loader = yaml.CSafeLoader(document.text)
    try:
        first = loader.get_node() if loader.check_node() else None
        second = loader.get_node() if first and loader.check_node() else None
        return span(second, document.file) if second else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return Span(document.file, mark.line + 1, mark.column + 1) if mark else document.start
    except yaml.YAMLError:
        return document.start
    finally:
        loader.dispose()


def _or_raise(loaded: Loaded) -> Cluster:
    if loaded.cluster is None:
        raise SpecError(loaded.report)
    return loaded.cluster
