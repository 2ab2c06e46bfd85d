"""`provision console`: what a machine has said on its serial line."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from provision.apply.machine import find_machine
from provision.apply.serial_text import plain
from provision.cli import console
from provision.errors import UsageError
from provision.provider import HasConsole

if TYPE_CHECKING:
    from provision.model import Observed

POLL_SECONDS = 1.0


def serial(
    machine: Annotated[str, typer.Argument(help="The machine's name.", metavar="MACHINE")],
    cluster: Annotated[str | None, typer.Option("--cluster", help="Its cluster's name or spec.")] = None,
    lines: Annotated[int | None, typer.Option("--lines", "-n", help="Show only the last lines.", min=1)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what is added.")] = False,
) -> None:
    """Show a machine's serial console, without control characters. Ignition's outcome is read there.

    \b
    Example:
      provision console -n 40 demo-core-1
    """
    target, found = find_machine(machine, cluster)
    provider = target.providers[found.provider]
    if not isinstance(provider, HasConsole):
        raise UsageError(f"provider {found.provider} cannot show a console")
    text = plain(provider.console(found))
    console.out("\n".join(text.splitlines()[-lines:] if lines else text.splitlines()))
    if follow:
        _follow(provider, found, len(text))


def _follow(provider: HasConsole, machine: Observed, shown: int) -> None:
    while True:
        time.sleep(POLL_SECONDS)
        text = plain(provider.console(machine))
        sys.stdout.write(text[shown:])
        sys.stdout.flush()
        shown = len(text)
