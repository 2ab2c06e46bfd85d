"""Blocks marked `<!-- run -->` are run, page by page, on the fake cloud; what they show is what comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .pages import ROOT, Block, blocks, pages

if TYPE_CHECKING:
    from pathlib import Path

RUNNABLE = [page for page in pages() if any(block.runs for block in blocks(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda p: str(p.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "provision").write_text(f'#!/bin/sh\nexec {sys.executable} -m provision "$@"\n')
    (programs / "provision").chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    own = {f"PROVISION_{name.upper()}_DIR": str(tmp_path / name) for name in ("state", "data", "cache")}
    environment = {**os.environ, **own, "HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}"}
    for block in blocks(page):
        if block.file:
            (work / block.file).write_text(block.text)
        elif block.runs:
            follow(block, work, environment)


def follow(block: Block, work: Path, environment: dict[str, str]) -> None:
    """Run each line after a `$`; the lines until the next one are what it writes, `...` standing for anything."""
    for entry in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, expected = entry.partition("\n")
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        pattern = re.escape(expected.rstrip("\n")).replace(r"\ \.\.\.", ".*").replace(r"\.\.\.", ".*")
        assert re.fullmatch(pattern, done.stdout.rstrip("\n"), re.DOTALL), f"{block}: $ {line}\n{done.stdout}"


def test_some_page_is_run() -> None:
    assert [page.name for page in RUNNABLE] != []
