"""The collector of findings about one Butane config, and the checks that need more than one value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Report
from provision.firstboot.butane import messages as m
from provision.firstboot.ignition import messages as im
from provision.firstboot.ignition.golang import semver
from provision.firstboot.ignition.model import types
from provision.firstboot.ignition.validate import Found, check, duplicates

if TYPE_CHECKING:
    from provision.diagnostics import Span
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Path


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding about the input; `span` is set where the path does not lead to the place."""

    path: Path
    message: Message
    error: bool = True
    span: Span | None = None


class Inputs:
    """Collects findings about a config at one base version; paths are the user's."""

    def __init__(self, base: int, spec: str, *, drop_in: bool) -> None:
        self.base = base
        self.spec = spec
        self.drop_in = drop_in
        self.findings: list[Noted] = []
        self.passed = Report()
        """What was found in other files, at its places there."""

    @property
    def fatal(self) -> bool:
        """Whether there is an error."""
        return any(finding.error for finding in self.findings)

    def error(self, path: Path, message: Message, span: Span | None = None) -> None:
        """Add an error."""
        self.findings.append(Noted(path, message, error=True, span=span))

    def warn(self, path: Path, message: Message, span: Span | None = None) -> None:
        """Add a warning."""
        self.findings.append(Noted(path, message, error=False, span=span))

    def child_config(self, text: str, path: Path) -> None:
        """Check an inline config that is to be merged as butane does, which reports it at paths of the child."""
        try:
            raw = json.loads(text)
            written = raw["ignition"].get("version", "") if isinstance(raw.get("ignition", {}), dict) else ""
        except (ValueError, RecursionError, AttributeError, KeyError) as error:
            self._not_a_config(error, path)
            return
        version = semver(written) if isinstance(written, str) else None
        if version not in (None, self.spec):
            self.warn((*path, "version"), m.OTHER_IGNITION_VERSION)
            return
        self._child_findings(raw, version or self.spec)

    def _not_a_config(self, error: Exception, path: Path) -> None:
        self.error((), im.NOT_JSON.format(problem=error))
        self.error((*path, "inline"), im.CONFIG_INVALID)

    def _child_findings(self, raw: dict[str, Any], version: str) -> None:
        found = Found(version)
        found.version = self.spec
        check(raw, types(version), found)
        duplicates(raw, types(version), found)
        for each in found.findings:
            (self.error if each.error else self.warn)(each.path, each.message)
