"""Which reader reads which version of the spec. A version that was ever released stays readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic
from provision.spec import v1
from provision.spec.words import listing, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.diagnostics import Report
    from provision.provider import Provider
    from provision.spec.files import Files
    from provision.spec.lock import Lock
    from provision.spec.model import Cluster
    from provision.spec.tree import Document

READERS = {1: v1.read}
"""The readers by version; each takes the document and returns the newest `Cluster`."""

NEWEST = max(READERS)


def read(
    document: Document,
    report: Report,
    files: Files,
    find_plugin: Callable[[str], type[Provider]],
    lock: Lock | None,
) -> Cluster | None:
    """Read a document by its version; None, with findings in the report, when it has errors."""
    version = document.value.get("version", NEWEST)
    if "version" not in document.value or not isinstance(version, int | float):
        report.add(_unclear(document))
        version = NEWEST  # so that the rest is checked at once
    if isinstance(version, bool) or version not in READERS:
        report.add(_unknown(document, version))
        return None
    return READERS[version](document, report, files, find_plugin, lock)


def _unclear(document: Document) -> Diagnostic:
    path, hint = ("version",), f"write `version: {NEWEST}` in the first line"
    if "version" in document.value:
        message = f"{show(document.value['version'])} is not a version of the spec"
        return Diagnostic("PV009", message, path=path, span=document.place(path), hint=hint)
    return Diagnostic("PV009", "the spec does not say its version", path=path, span=document.start, hint=hint)


def _unknown(document: Document, version: object) -> Diagnostic:
    path = ("version",)
    newer = isinstance(version, int) and not isinstance(version, bool) and version > NEWEST
    hint = "upgrade provision: `provision --version` says which one this is" if newer else None
    message = (
        f"version {show(version)} of the spec is unknown to this provision, which reads {listing(map(str, READERS))}"
    )
    return Diagnostic("PV010", message, path=path, span=document.place(path), hint=hint)
