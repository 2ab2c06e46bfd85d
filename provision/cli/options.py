"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Spec = Annotated[str, typer.Argument(help="The cluster spec.", metavar="SPEC")]
Target = Annotated[str, typer.Argument(help="The cluster spec, or the name of a cluster.", metavar="SPEC|NAME")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Replace = Annotated[list[str] | None, typer.Option("--replace", help="Make this machine anew; may be repeated.")]
Wait = Annotated[bool, typer.Option(help="Wait for first boots and for etcd's health.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds after which to give up.", min=1)]
LockTimeout = Annotated[float, typer.Option("--lock-timeout", help="Seconds to wait for another run to end.", min=0)]
Identity = Annotated[Path | None, typer.Option("--identity", "-i", help="The private key for ssh.")]
AllowDestroy = Annotated[
    int | None, typer.Option("--allow-destroy", help="Delete so many machines at most.", min=0, metavar="N")
]
