"""Filling ``{{ }}`` into what other compilers read as text: Ignition JSON, Container Linux Config, cloud-config.

The text is parsed first, and only whole scalars are exchanged, each for one in double quotes that JSON and YAML read
alike: no value can break out of its place, and lines keep their numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from provision.diagnostics import Span
from provision.firstboot.butane import tree
from provision.firstboot.cloudconfig.kinds import HEADER
from provision.firstboot.interpolate import scalars
from provision.firstboot.markers import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Report
    from provision.firstboot.interpolate import Scalar, Values
    from provision.spec.model import Cluster, NodeConfig

PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)*")
"""Anchors and tags, which stand before a scalar and stay."""


def filled(config: NodeConfig, values: Values, cluster: Cluster, report: Report) -> NodeConfig | None:
    """Return a node config with its expressions filled in, None where that cannot be done.

    Findings: those of `provision.firstboot.interpolate`, and PV414 a text that is no document.
    """
    if config.format == "cloud-config" and not config.text.startswith(HEADER):
        message = "a script is not a template: values could break out of their places in it"
        hint = "write a cloud-config, and let it write the script's variables into a file"
        report.error("PV414", message, span=Span(config.file, 1, 1), hint=hint)
        return None
    text = config.text.replace("\t", " ") if config.format == "ignition" else config.text
    try:
        root = tree.compose(text)
    except tree.YamlError:
        return config  # the format's own compiler says what is wrong
    found = sorted(_exchanges(config, scalars(root, config, values, cluster, report)))
    return replace(config, text=_exchanged(config.text, found)) if report.ok else None


def _exchanges(config: NodeConfig, found: Iterator[tuple[object, list[Scalar]]]) -> Iterator[tuple[int, int, str]]:
    for node, pieces in found:
        start, end = node.start_mark.index, node.end_mark.index  # type: ignore[attr-defined]
        old = config.text[start:end]
        kept = PROPERTIES.match(old)
        before = kept[0] if kept else ""
        # A scalar over several lines becomes one, and the others stay empty.
        lines, tail = old.count("\n"), old.rpartition("\n")[2]
        after = "\n" * lines + (tail if lines and not tail.strip() else "")
        yield start, end, f"{before}{_written(pieces)}{after}"


def _written(pieces: list[Scalar]) -> str:
    if len(pieces) == 1 and not isinstance(pieces[0], str):  # one value alone keeps its type
        return str(pieces[0]).lower() if isinstance(pieces[0], bool) else str(pieces[0])
    return quoted("".join(str(p).lower() if isinstance(p, bool) else str(p) for p in pieces))


def _exchanged(text: str, exchanges: list[tuple[int, int, str]]) -> str:
    parts, done = [], 0
    for start, end, new in exchanges:
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])
