"""Start-up of the command line, as a ratio to `python -c pass` in the same run."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.perf
RUNS = 15


def cpu_seconds(*argv: str) -> float:
    """The least CPU time of some runs, with bytecode cached as a user has it."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *argv], env=env, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    once()
    return min(once() for _ in range(RUNS))


def test_start_up(capsys: pytest.CaptureFixture[str]) -> None:
    floor = cpu_seconds("-c", "pass")
    with capsys.disabled():
        for argv in (["--version"], ["--help"], ["validate", "--help"], ["explain", "PV001"]):
            cost = cpu_seconds("-m", "provision", *argv)
            print(f"\nstart-up {' '.join(argv):16} {cost * 1000:6.0f} ms CPU, {cost / floor:4.1f} x python -c pass")
    assert floor > 0
