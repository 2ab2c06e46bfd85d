"""`provision audit`: who did what when."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli import console, options
from provision.sprawl import audit as log


def audit(
    cluster: Annotated[str, typer.Option("--cluster", help="Only this cluster.")] = "",
    last: Annotated[int, typer.Option("--last", "-n", help="How many lines; 0 for all.", min=0)] = 50,
    as_json: options.Json = False,
) -> None:
    """Show the log of what was made, changed and deleted from this computer. A begin without an end was killed.

    With --json it is written as it is kept: one object a line.

    \b
    Example:
      provision audit --cluster demo
    """
    found = [entry for entry in log.entries() if not cluster or entry.get("cluster") == cluster][-last:]
    if as_json:
        for entry in found:
            console.line(entry)
    elif found:
        headers = ("AT", "WHO", "ACTION", "CLUSTER", "RESULT", "MORE")
        console.table(headers, [tuple(_cell(entry, h) for h in headers) for entry in found])
    else:
        console.note("nothing was done from here")


def _cell(entry: dict[str, object], header: str) -> object:
    if header != "MORE":
        return entry.get(header.lower(), "")
    told = ("error", "reason", "why", "expires")
    return "; ".join(str(entry[key]) for key in told if entry.get(key))
