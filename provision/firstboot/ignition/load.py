"""Ignition JSON that a user hands in: parsed with places, read by the types of its own version, and validated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Diagnostic, Path, Report, Severity, Span
from provision.firstboot.ignition import messages as m
from provision.firstboot.ignition.golang import semver
from provision.firstboot.ignition.model import VERSIONS, types
from provision.firstboot.ignition.reader import Reader
from provision.firstboot.ignition.validate import Found, check, duplicates

if TYPE_CHECKING:
    from provision.firstboot.fields import Plain
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Finding


def validate(config: dict[str, Any], version: str | None = None) -> list[Finding]:
    """Check a config as Ignition does; duplicates come first.

    Raises:
        KeyError: the version (by default the config's own) is not known.
    """
    spec = version or config["ignition"]["version"]
    found = Found(spec)
    duplicates(config, types(spec), found)
    check(config, types(spec), found)
    return found.findings


def load(text: str, file: str) -> tuple[dict[str, Any] | None, Report]:
    """Read and validate Ignition JSON; the config is None when it cannot be used.

    Unused keys are errors with a suggestion. JSON is YAML, so the places come from the YAML composer.
    """
    report = Report(sources={file: text})
    raw = _parse(text, file, report)
    if raw is None:
        return None, report
    spec = _spec(raw, report, text, file)
    if spec is None:
        return None, report
    reader = Reader()
    config = reader.read(raw, types(spec))
    places = _Places(text, file)
    report.extend(_diagnostic(path, message, Severity.ERROR, places) for path, message in reader.problems)
    if report.ok:
        for finding in validate(config, spec):
            severity = Severity.ERROR if finding.error else Severity.WARNING
            report.add(_diagnostic(finding.path, finding.message, severity, places))
    return (config if report.ok else None), report


def _parse(text: str, file: str, report: Report) -> Plain:
    if not text.strip():
        report.error(m.EMPTY.code, m.EMPTY.text, span=Span(file, 1, 1), hint=m.EMPTY.hint)
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        message, place = m.NOT_JSON.format(problem=f"not JSON: {error.msg}"), Span(file, error.lineno, error.colno)
    except (RecursionError, ValueError) as error:
        message, place = m.NOT_JSON.format(problem=f"not JSON: {error or 'nested too deep'}"), Span(file, 1, 1)
    report.error(message.code, message.text, span=place, hint=message.hint)
    return None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _spec(raw: Plain, report: Report, text: str, file: str) -> str | None:
    section = raw.get("ignition") if isinstance(raw, dict) else None
    written = section.get("version") if isinstance(section, dict) else None
    spec = semver(written) if isinstance(written, str) else None
    if spec in VERSIONS:
        return spec
    message = m.INVALID_VERSION if spec is None else m.UNKNOWN_VERSION
    report.add(_diagnostic(("ignition", "version"), message, Severity.ERROR, _Places(text, file)))
    return None


class _Places:
    """Looks paths up in the text; it is composed only when there is something to report."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._root: Any = None

    def span(self, path: Path) -> Span:
        from provision.errors import SpecError
        from provision.located import compose, locate, span

        if self._root is None:
            try:
                self._root = compose(self._text.replace("\t", " "), self._file)
            except SpecError:
                return Span(self._file, 1, 1)
        node = locate(self._root, path)
        return span(node, self._file) if node is not None else Span(self._file, 1, 1)


def _diagnostic(path: Path, message: Message, severity: Severity, places: _Places) -> Diagnostic:
    return Diagnostic(message.code, message.text, severity, path, places.span(path), message.hint)
