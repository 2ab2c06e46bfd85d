"""Version 1 of the spec: its schema, then its rules, then its values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.spec import build, inputs, rules, schema
from provision.spec.draft import Draft, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic, Path, Report
    from provision.provider import Provider
    from provision.spec.files import Files
    from provision.spec.lock import Lock
    from provision.spec.model import Cluster
    from provision.spec.tree import Document

SCHEMA = "cluster.v1.schema.json"

_NAMED: dict[Path, tuple[str, str]] = {
    ("ttl",): ("PV020", "write `ttl: 8h`, or `ttl: never` if it is to live on until somebody ends it"),
    ("owner",): ("PV021", "write `owner: you@example.com`: whom others ask before they delete it"),
}
"""Required keys whose absence has a code and a hint of its own."""


def read(
    document: Document,
    report: Report,
    files: Files,
    find_plugin: Callable[[str], type[Provider]],
    lock: Lock | None,
) -> Cluster | None:
    """Check a document, add what is wrong to the report, and return the cluster if nothing is."""
    faults = list(_schema(document))
    cut = frozenset(fault.path for fault in faults)
    draft = Draft(document, prune(document.value, cut), cut, files, find_plugin, lock)
    report.extend(faults)
    report.extend(inputs.read(draft))
    report.extend(rules.run(draft))
    report.sources.update(build.sources(draft))
    return build.cluster(draft) if report.ok else None


def _schema(document: Document) -> Iterator[Diagnostic]:
    for fault in schema.check(document, document.value, schema.ours(SCHEMA)):
        if fault.path == ("version",):
            continue  # the dispatch by version has judged it
        if fault.code == "PV016" and fault.path in _NAMED:
            code, hint = _NAMED[fault.path]
            yield replace(fault, code=code, hint=hint)
        else:
            yield fault
