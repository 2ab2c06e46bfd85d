"""Findings: what is wrong, where, and what to do; collected in reports and rendered for people and machines.

Every finding has a stable code that is documented in ``provision_schemas/codes`` and shown by
``provision explain CODE``. The text form follows rustc's::

    error[PV012 $.pools.core.count]: 'huge' is not an integer
      --> cluster.yaml:4:12
       |
     4 |     count: huge
       |            ^^^^ write a whole number of machines
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
"""The way from a document's root to a node: keys and list indexes."""


class Severity(StrEnum):
    """How grave a finding is; only errors stop a run."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a text: file name as the user gave it, line and column from 1, columns in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is stable; `message` says what, `span` where, `hint` what to do.

    `also` is a second place: that of the rule which is broken, where the user wrote it.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    path: Path = ()
    span: Span | None = None
    hint: str | None = None
    also: Span | None = None

    def to_json(self) -> dict[str, object]:
        """Return the documented JSON form (one object, keys always present)."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "path": path_text(self.path),
            "file": self.span.file if self.span else None,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
            "hint": self.hint,
            "also": str(self.also) if self.also else None,
        }


def path_text(path: Path) -> str:
    """Write a path as ``$.pools.core.count``."""
    return ".".join(("$", *map(str, path)))


@dataclass(slots=True)
class Report:
    """Findings in the order in which they were made, and the texts that they point into.

    `sources` maps a span's file name to its text, so that a report can be rendered anywhere.
    """

    findings: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def add(self, finding: Diagnostic) -> None:
        """Append one finding."""
        self.findings.append(finding)

    def error(
        self, code: str, message: str, *, path: Path = (), span: Span | None = None, hint: str | None = None
    ) -> None:
        """Append an error."""
        self.add(Diagnostic(code, message, Severity.ERROR, path, span, hint))

    def warning(
        self, code: str, message: str, *, path: Path = (), span: Span | None = None, hint: str | None = None
    ) -> None:
        """Append a warning."""
        self.add(Diagnostic(code, message, Severity.WARNING, path, span, hint))

    def extend(self, other: Report | Iterable[Diagnostic]) -> None:
        """Append all findings (and sources) of another report."""
        if isinstance(other, Report):
            self.sources.update(other.sources)
        self.findings.extend(other)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stop a run."""
        return [f for f in self.findings if f.severity is Severity.ERROR]

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def summary(self) -> str:
        """Count the findings in words: ``2 errors, 1 warning``."""
        counts = [(sum(f.severity is s for f in self.findings), str(s)) for s in Severity]
        return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n) or "no findings"

    def sorted(self) -> list[Diagnostic]:
        """Return the findings by file, line and column; those without a place come first."""
        return sorted(self.findings, key=lambda f: (f.span is not None, f.span or Span("", 0, 0)))

    def render(self) -> str:
        """Return all findings as text for a person, one blank line between them."""
        return "\n\n".join(render(f, self.sources) for f in self.sorted())

    def to_json(self) -> list[dict[str, object]]:
        """Return the findings as a list of documented JSON objects, sorted by place."""
        return [f.to_json() for f in self.sorted()]


def render(finding: Diagnostic, sources: dict[str, str]) -> str:
    """Render one finding, with its source line and a caret where the text is known."""
    text = _main(finding, sources)
    if finding.also is None:
        return text
    lines = sources.get(finding.also.file, "").splitlines()
    known = 0 < finding.also.line <= len(lines)
    rule = _excerpt(finding.also, lines[finding.also.line - 1], "says this") if known else f"  --> {finding.also}"
    return f"{text}\n{rule}"


def _main(finding: Diagnostic, sources: dict[str, str]) -> str:
    where = f" {path_text(finding.path)}" if finding.path else ""
    head = f"{finding.severity}[{finding.code}{where}]: {finding.message}"
    if finding.span is None:
        return head + (f"\n  = {finding.hint}" if finding.hint else "")
    lines = sources.get(finding.span.file, "").splitlines()
    if not 0 < finding.span.line <= len(lines):
        return f"{head}\n  --> {finding.span}" + (f"\n  = {finding.hint}" if finding.hint else "")
    return f"{head}\n{_excerpt(finding.span, lines[finding.span.line - 1], finding.hint)}"


def _excerpt(span: Span, line: str, hint: str | None) -> str:
    number = str(span.line)
    gutter = " " * len(number)
    start = span.column - 1
    rest = line[start:]
    width = max(1, len(rest.split(None, 1)[0]) if rest.strip() else 1)
    # Tabs are kept in the padding, so that the caret stands under the text at any tab width.
    pad = "".join(c if c == "\t" else " " for c in line[:start])
    caret = f"{pad}{'^' * width}{' ' + hint if hint else ''}"
    return f" {gutter}--> {span}\n {gutter} |\n {number} | {line}\n {gutter} | {caret}"
