"""What the pages show is right: specs, node configs, command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer

from provision.cli import butane
from provision.cli.main import app, run
from provision.firstboot.butane import compile_butane

from .pages import ALL, Block, blocks, pages

if TYPE_CHECKING:
    from pathlib import Path

NODE = "variant: fcos\nversion: 1.4.0\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b\n"


def named(found: list[Block]) -> Any:
    return pytest.mark.parametrize("block", found, ids=str)


@named([b for b in ALL if b.is_spec])
def test_specs(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.yaml").write_text(block.text)
    for other in blocks(block.page):
        if other.file and other.file != "cluster.yaml":
            (tmp_path / other.file).write_text(other.text)
    for name in ("core.bu", "worker.bu", "web.bu", "node.bu"):
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text(NODE)
    for name in ("demo.pub", "id.pub", "id_ed25519.pub"):
        (tmp_path / name).write_text(KEY)
    assert run(["validate", str(tmp_path / "cluster.yaml")]) == 0, capsys.readouterr().err


@named([b for b in ALL if b.is_butane])
def test_node_configs(block: Block) -> None:
    compiled = compile_butane(block.text, file=block.file or "config.bu")
    assert compiled.report.findings == []


@named([b for b in ALL if any(b.commands())])
def test_command_lines(block: Block) -> None:
    for words in block.commands():
        parsed(words)


def parsed(words: list[str]) -> None:
    """Parse a command line as far as its last option, and carry nothing out.

    Raises:
        typer's UsageError: a command or an option does not exist, or an argument is missing.
    """
    if words[:1] == ["butane"]:
        butane.parse(words[1:])
        return
    if words in (["--version"], ["--help"]):
        return
    command: Any = typer.main.get_command(app)
    context = command.make_context("provision", list(words), resilient_parsing=True)
    while hasattr(command, "get_command"):
        name, words = words[0], words[1:]
        command = command.get_command(context, name)
        assert command is not None, f"there is no command {name!r}"
        resilient = hasattr(command, "get_command")
        context = command.make_context(name, list(words), parent=context, resilient_parsing=resilient)


def test_a_wrong_line_is_found() -> None:
    for line in ("provision upp", "provision up --fast", "provision etcd stats cluster.yaml", "provision explain A B"):
        with pytest.raises(Exception):  # noqa: B017, PT011 - typer keeps its own copy of click's errors
            parsed(line.split()[1:])


def test_there_is_something_to_look_at() -> None:
    assert len(pages()) > 5
    assert sum(b.is_spec for b in ALL) >= 3
    assert sum(len(list(b.commands())) for b in ALL) > 20
