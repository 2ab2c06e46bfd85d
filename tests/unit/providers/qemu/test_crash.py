"""kill -9 and Ctrl-C at the steps of a creation and a deletion: nothing is doubled, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.providers.qemu.kit import environment

SCRIPT = Path(__file__).with_name("crash.py")


def crash(root: Path, what: str, how: str, stride: int) -> int:
    command = [sys.executable, SCRIPT, root, what, how, str(stride)]
    run = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.parametrize("how", ["kill", "interrupt"])
@pytest.mark.parametrize(("what", "stride"), [("create", 11), ("delete", 10)])
def test_some_steps(tmp_path, what, how, stride):
    assert crash(tmp_path, what, how, stride) > 50


@pytest.mark.vm
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["kill", "interrupt"])
@pytest.mark.parametrize("what", ["create", "delete"])
def test_every_step(tmp_path, what, how):
    assert crash(tmp_path, what, how, 1) > 50
