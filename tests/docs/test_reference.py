"""Pages that are generated, or that list what the code has, do not drift."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

from provision.cli import main
from provision.cli.plan import CHANGES_PENDING
from provision.errors import ProvisionError

from .pages import ROOT

REFERENCE = ROOT / "docs" / "reference"


def test_commands() -> None:
    spec = importlib.util.spec_from_file_location("generate_commands", REFERENCE / "generate_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = (REFERENCE / "commands.md").read_text("utf-8")
    assert told == module.render(), "run docs/reference/generate_commands.py"


def test_exit_codes() -> None:
    page = (REFERENCE / "exit-codes.md").read_text("utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert documented == {0, CHANGES_PENDING, 141} | {kind.exit_code for kind in tree(ProvisionError)}
    in_help = (main.provision.__doc__ or "").partition("Exit codes:")[2]
    assert {int(code) for code in re.findall(r"\b(\d+) [a-z]", in_help)} == documented - {141}


def tree(kind: type[ProvisionError]) -> set[type[ProvisionError]]:
    return {kind}.union(*map(tree, kind.__subclasses__()))
