"""Ignition 2 JSON that a user hands in: read by the types of its own version, and validated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Diagnostic, Report, Severity, Span
from provision.firstboot.ignition import messages as m3
from provision.firstboot.ignition.golang import semver
from provision.firstboot.ignition2 import disk_rules
from provision.firstboot.ignition2 import messages as m
from provision.firstboot.ignition2.model import VERSIONS, types
from provision.firstboot.ignition2.rules import RULES
from provision.firstboot.ignition2.tree import Tree, build
from provision.firstboot.ignition2.walk import Finding, Path, Rules, walk
from provision.firstboot.suggest import did_you_mean

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Plain, Struct
    from provision.firstboot.ignition.messages import Message

SECTORS_ARE_OLD_FROM = "2.3.0"
_WANTED: dict[str, tuple[Any, str, Plain]] = {
    "str": (str, "a string", ""),
    "bool": (bool, "true or false", False),
    "int": (int, "a whole number", 0),
    "list": (list, "an array", []),
    "struct": (dict, "an object", {}),
}


def validate(config: dict[str, Any], tree: Tree | None = None) -> list[Finding]:
    """Check a config as Ignition does; the findings have the places of `tree`.

    Raises:
        KeyError: the config's version is not known.
    """
    spec = config["ignition"]["version"]
    return walk(config, types(spec), _rules(spec), tree, unused=False)


def _rules(spec: str) -> dict[str, Rules]:
    if spec != SECTORS_ARE_OLD_FROM:
        return RULES
    partition = RULES["Partition"]
    sectors = {"size": disk_rules.size, "start": disk_rules.start}
    return RULES | {"Partition": Rules(partition.own, {**(partition.fields or {}), **sectors})}


def load(text: str, file: str) -> tuple[dict[str, Any] | None, Report]:
    """Read and validate Ignition 2 JSON; the config is None when it cannot be used. Unused keys are errors."""
    report = Report(sources={file: text})
    raw = _parse(text, file, report)
    if raw is None:
        return None, report
    tree = _tree(text)
    spec = _spec(raw)
    if spec is None:
        at = tree.child("ignition", "version") or tree
        report.add(_diagnostic(Finding(Severity.ERROR, m.UNKNOWN_VERSION, ("ignition", "version"), at.place), file))
        return None, report
    reader = _Reader()
    config = reader.struct(raw, types(spec), ())
    for path, message in reader.problems:
        report.add(_diagnostic(Finding(Severity.ERROR, message, path, _place(tree, path)), file))
    if report.ok:
        report.extend(_diagnostic(finding, file) for finding in validate(config, tree))
    return (config if report.ok else None), report


def _parse(text: str, file: str, report: Report) -> Plain:
    try:
        raw = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        message, place = m3.NOT_JSON.format(problem=error.msg), (error.lineno, error.colno)
    except (RecursionError, ValueError) as error:
        message, place = m3.NOT_JSON.format(problem=str(error) or "nested too deep"), (1, 1)
    else:
        if isinstance(raw, dict):
            return raw
        message, place = m3.NOT_JSON.format(problem="not an object"), (1, 1)
    if not text.strip():
        message = m3.EMPTY
    elif text.startswith("#cloud-config"):
        message = m.NOT_IGNITION.format(what="coreos-cloudconfig")
    elif text.startswith("#!"):
        message = m.NOT_IGNITION.format(what="coreos-cloudinit script")
    report.add(_diagnostic(Finding(Severity.ERROR, message, (), place), file))
    return None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _spec(raw: dict[str, Any]) -> str | None:
    section = raw.get("ignition")
    written = section.get("version") if isinstance(section, dict) else None
    spec = semver(written) if isinstance(written, str) else None
    return spec if spec in VERSIONS else None


def _tree(text: str) -> Tree:
    """Return where things stand; JSON is YAML, but for tabs and some escapes, so this may know nothing."""
    from provision.errors import SpecError
    from provision.located import compose

    try:
        root = compose(text.replace("\t", " "), "")
    except SpecError:
        root = None
    return build(root) if root is not None else Tree((1, 1))


def _place(tree: Tree, path: Path) -> tuple[int, int]:
    node = tree
    for step in path:
        node = node.child(step) or node
    return node.place


class _Reader:
    """Keeps what the types know; nulls count as unset, as Go's ``encoding/json`` reads them."""

    def __init__(self) -> None:
        self.problems: list[tuple[Path, Message]] = []

    def struct(self, value: dict[str, Any], struct: Struct, path: Path) -> dict[str, Any]:
        result = {}
        for key, inner in value.items():
            field = struct.fields.get(key)
            if field is None:
                message = m.UNUSED_KEY.format(key=key)
                hint = did_you_mean(key, struct.fields) or message.hint
                self.problems.append(((*path, key), message._replace(hint=hint)))
            elif inner is not None:
                result[key] = self._field(inner, field, (*path, key))
        return result

    def _field(self, value: Plain, field: Field, path: Path) -> Plain:
        kind, wanted, zero = _WANTED[field.kind]
        if not isinstance(value, kind) or (kind is int and not _is_int64(value)):
            message = m3.NOT_JSON.format(problem=f"{type(value).__name__} where {wanted} is meant")
            self.problems.append((path, message._replace(hint=f"write {wanted}")))
            return zero
        if field.struct is not None:
            return self.struct(value, field.struct, path)
        if field.item is not None:
            return [self._field(v, field.item, (*path, i)) for i, v in enumerate(value) if v is not None]
        return value


def _is_int64(value: int) -> bool:
    return not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63


def _diagnostic(finding: Finding, file: str) -> Diagnostic:
    line, column = finding.place
    span = Span(file, line, column) if line else None
    message = finding.message
    return Diagnostic(message.code, message.text, finding.severity, finding.path, span, message.hint)
