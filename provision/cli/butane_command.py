"""``butane`` as one of the command tree; the drop-in itself, which ``provision butane`` calls, needs no tree."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli.butane import Options, compile_file


def butane(
    input_file: Annotated[str, typer.Argument(help="The config; standard input if left out.")] = "",
    check: Annotated[bool, typer.Option("-c", "--check", help="Check without writing the result.")] = False,
    color: Annotated[str, typer.Option("--color", help="auto, always or never.")] = "auto",
    files_dir: Annotated[str, typer.Option("-d", "--files-dir", help="Where local files may be taken from.")] = "",
    output: Annotated[str, typer.Option("-o", "--output", help="Write there instead of to stdout.")] = "",
    pretty: Annotated[bool, typer.Option("-p", "--pretty", help="Indent the JSON.")] = False,
    raw: Annotated[bool, typer.Option("-r", "--raw", help="Write Ignition, never a MachineConfig.")] = False,
    raw_errors: Annotated[bool, typer.Option("--raw-errors", help="One line for each finding.")] = False,
    strict: Annotated[bool, typer.Option("-s", "--strict", help="Fail on warnings, too.")] = False,
) -> None:
    """Compile Butane to Ignition, as `butane` does.

    \b
    Example:
      provision butane -d files --pretty node.bu >node.ign
    """
    options = Options(check=check, color=color, files_dir=files_dir, input=input_file, output=output)
    options.pretty, options.raw, options.raw_errors, options.strict = pretty, raw, raw_errors, strict
    raise typer.Exit(compile_file(options))
