"""`provision ssh`: into a machine."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from provision import paths
from provision.apply.machine import find_machine
from provision.apply.session import now
from provision.apply.ways import login
from provision.cli import options
from provision.remote import Remote
from provision.state import home
from provision.state.cluster import ClusterState


def ssh(
    machine: Annotated[str, typer.Argument(help="The machine's name.", metavar="MACHINE")],
    command: Annotated[list[str] | None, typer.Argument(help="What to run there; a shell if left out.")] = None,
    cluster: Annotated[str | None, typer.Option("--cluster", help="Its cluster's name or spec.")] = None,
    user: Annotated[str, typer.Option("--user", "-l", help="The login name, if not the system's own.")] = "",
    identity: options.Identity = None,
) -> None:
    """Open a shell on a machine, or run a command there. Its host key is learnt once and pinned.

    \b
    Example:
      provision ssh demo-core-1
      provision ssh demo-core-1 -- systemctl --failed
    """
    target, found = find_machine(machine, cluster)
    user = user or login(ClusterState(target.store, now), machine)
    remote = Remote(found, home.known_hosts(paths.state(), target.owner), user, identity)
    line = remote.command(command or (), tty=not command and sys.stdin.isatty())
    os.execvp(line[0], line)  # noqa: S606 - ssh takes over the terminal, signals and exit code
