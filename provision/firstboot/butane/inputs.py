"""The collector of findings about one Butane config, and the checks that need more than one value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.firstboot.butane import messages as m
from provision.firstboot.ignition import messages as im
from provision.firstboot.ignition.golang import semver
from provision.firstboot.ignition.model import types
from provision.firstboot.ignition.reader import Reader, syntax_problem
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
            raw = json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            self._not_a_config(syntax_problem(error), path)
            return
        except (ValueError, RecursionError):
            self._not_a_config("exceeded max depth", path)
            return
        reader = Reader()
        struct = types(self.spec)
        config = {"ignition": {}, **reader.read({} if raw is None else raw, struct)}
        if reader.go:
            self._not_a_config(reader.go, path)
        elif semver(config["ignition"].get("version", "")) not in (None, self.spec):
            self.warn((*path, "version"), m.OTHER_IGNITION_VERSION)
        else:
            found = Found(self.spec)
            check(config, struct, found)
            duplicates(config, struct, found)
            for each in found.findings:
                (self.error if each.error else self.warn)(each.path, each.message)
            for place, key in reader.unused:
                self.warn(place, im.UNUSED_KEY.format(key=key)._replace(text=f"Unused key {key}"))

    def _not_a_config(self, problem: str, path: Path) -> None:
        self.error((), im.NOT_JSON.format(problem=problem))
        self.error((*path, "inline"), im.CONFIG_INVALID)


def _refuse(name: str) -> None:
    raise json.JSONDecodeError("Expecting value", name, 0)
