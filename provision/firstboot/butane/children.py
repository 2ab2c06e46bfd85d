"""Children of ``ignition.config.merge`` and ``replace`` that the user writes down: compiled or validated like the rest.

butane 0.29 embeds local children unseen, and so a broken one fails on the machine.
"""

from __future__ import annotations

import json
import re
from posixpath import normpath
from typing import TYPE_CHECKING

from provision.diagnostics import Severity
from provision.firstboot.butane import messages as m
from provision.firstboot.fields import version
from provision.firstboot.ignition.load import load
from provision.firstboot.ignition.messages import Message
from provision.firstboot.ignition.serialise import to_json

if TYPE_CHECKING:
    from provision.diagnostics import Report
    from provision.firstboot.butane.translate import Translation
    from provision.firstboot.ignition.validate import Path

_VARIANT = re.compile(r"^[\"']?variant[\"']?\s*:", re.MULTILINE)
MAX_NESTED = 16
"""How deep local children may have local children."""


def child(content: bytes, name: str, job: Translation, path: Path) -> bytes | None:
    """Return the Ignition config that a child is, or None where it has errors.

    Args:
        content: the child as written: Butane or Ignition JSON.
        name: the local file's name, or "" for an inline child.
        job: the translation of the parent; findings go there.
        path: where the parent names the child.
    """
    name = normpath(name) if name else ""
    if name and name in job.within:
        job.found.error(path, m.CHILD_CIRCLE.format(name=" in ".join((name, *reversed(job.within)))))
        return None
    if len(job.within) >= MAX_NESTED:
        job.found.error(path, m.CHILD_DEEP.format(limit=MAX_NESTED))
        return None
    text = content.decode("utf-8", "replace")
    file = job.files.shown(name) if name and job.files else "inline"
    made, spec, report = _butane(text, name, file, job) if _is_butane(text) else _ignition(content, text, file)
    if name:
        job.found.passed.extend(report)
    else:
        _tell(report, job, path)
    if spec and version(spec) > version(job.spec):
        job.found.warn(path, m.CHILD_NEWER.format(child=spec, parent=job.spec))
    return made if report.ok else None


def _is_butane(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return _VARIANT.search(text) is not None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return "variant" in value


def _butane(text: str, name: str, file: str, job: Translation) -> tuple[bytes | None, str, Report]:
    from provision.firstboot.butane.compiler import compile_child

    compiled = compile_child(text, file, name, job)
    made = None if compiled.ignition is None else to_json(compiled.ignition).encode("utf-8", "surrogateescape")
    return made, compiled.spec_version, compiled.report


def _ignition(content: bytes, text: str, file: str) -> tuple[bytes, str, Report]:
    config, report = load(text, file)
    return content, config["ignition"]["version"] if config else "", report


def _tell(report: Report, job: Translation, path: Path) -> None:
    """Pass findings of an inline child on, at the place of the child."""
    for finding in report:
        where = f" (line {finding.span.line} of the inline config)" if finding.span else ""
        message = Message(finding.code, f"{finding.message}{where}", finding.hint)
        (job.found.error if finding.severity is Severity.ERROR else job.found.warn)(path, message)
