"""`provision replace`: make one machine anew."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli import options
from provision.cli.up import up


def replace(
    machine: Annotated[str, typer.Argument(help="The machine's name.", metavar="MACHINE")],
    spec: options.Spec = "cluster.yaml",
    yes: options.Yes = False,
    wait: options.Wait = True,
    identity: options.Identity = None,
    timeout: options.Timeout = 1200,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Remove a machine and make it anew with the next generation; the same as `up --replace MACHINE`.

    \b
    Example:
      provision replace demo-core-2 cluster.yaml
    """
    up(
        spec,
        [machine],
        yes=yes,
        wait=wait,
        identity=identity,
        timeout=timeout,
        lock_timeout=lock_timeout,
        as_json=as_json,
    )
