"""Write commands.md from the commands' own help: `python docs/reference/generate_commands.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from provision.cli import butane
from provision.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Path(__file__).with_name("commands.md")
WIDTH = 100

HEAD = """\
<!-- Generated from the commands' help texts by docs/reference/generate_commands.py. -->
# Commands

What each command prints with `--help`. Results go to stdout, all else to stderr; with `--json` a result is one JSON
document, and the progress of `up` and `down` one event a line (`provision schema event`). What a command ends with is
told in [exit-codes.md](exit-codes.md). The specs of [first-cluster.md](../tutorial/first-cluster.md) are made for
trying all of them out.
"""


def render() -> str:
    """Return the whole page."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("provision", [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join([HEAD, *_sections("provision", root, context)])


def _sections(path: str, command: Any, context: Any) -> Iterator[str]:  # noqa: ANN401 - typer's click has no types
    """Yield a command's section, then one for each command below it."""
    text = butane.USAGE if path == "provision butane" else command.get_help(context)
    yield f"## `{path}`\n\n```text\n{_clean(text)}\n```\n"
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        inner = below.make_context(
            name, [], parent=context, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
        )
        yield from _sections(f"{path} {name}", below, inner)


def _clean(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
