"""``coreos-cloudinit --validate``: its findings, with its lines and its texts.

A config is read twice: by YAML's rules alone, and by the declared types. Keys with dashes count as known here, though
coreos-cloudinit itself has ignored them since 2024. Facts:
https://github.com/flatcar/coreos-cloudinit/tree/flatcar-master/config/validate
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.firstboot.butane import tree as yaml_tree
from provision.firstboot.cloudconfig import checks
from provision.firstboot.cloudconfig.coerce import coerce
from provision.firstboot.cloudconfig.kinds import Kind, kind_of
from provision.firstboot.cloudconfig.lines import Lines
from provision.firstboot.cloudconfig.model import types
from provision.firstboot.cloudconfig.weak import Entry, NotWeak, Panic, entries, read
from provision.firstboot.decode import DecodeError, decode

if TYPE_CHECKING:
    from provision.firstboot.cloudconfig.checks import Line

_LINE = re.compile(r"line ([0-9]+): (.*)")
NO_HEADER = 'must be "#cloud-config", multipart mime or begin with "#!"'


class Unvalidated(Exception):
    """The validator itself failed; the text is its error."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: line (0: unknown), severity as coreos-cloudinit calls it, text."""

    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.text}"


def validate(text: str) -> list[Finding]:
    """Return the findings about user data, in the order of the text's keys; there are none unless it is a cloud-config.

    Raises:
        Unvalidated: coreos-cloudinit could not finish.
    """
    kind = kind_of(text)
    if kind is Kind.UNKNOWN:
        return [Finding(1, "error", NO_HEADER)]
    if kind is not Kind.CLOUD_CONFIG:
        return []
    found: list[Line] = []
    try:
        config = _parse(text, found)
        found += checks.all_checks(config)
    except Panic as panic:
        raise Unvalidated(str(panic)) from None
    return [Finding(*each) for each in found]


def _parse(text: str, found: list[Line]) -> Entry:
    """Return the config with the values that its fields' types give them."""
    try:
        root = yaml_tree.compose(text)
        values = read(root)
    except (yaml_tree.YamlError, DecodeError) as problem:
        match = _LINE.fullmatch(str(problem))
        found.append((int(match[1]), "error", match[2]) if match else (1, "error", str(problem)))
        return Entry()
    except NotWeak:
        raise Unvalidated("couldn't parse yaml error") from None
    weak = entries(values, Lines(text))
    try:
        strong, errors = decode(root, types())
    except DecodeError as problem:
        raise Unvalidated(f"yaml: {problem}") from None
    if errors:
        listed = "".join(f"\n  line {line}: {problem}" for line, problem in errors)
        raise Unvalidated(f"yaml: unmarshal errors:{listed}")
    return coerce(weak, types(), strong)
