"""kill -9 at Rackspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.emulated import killing
from tests.emulated.rackspace import lab
from tests.emulated.rackspace.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated import bench as benches


@dataclass
class Killing(killing.Killing):
    def bench(self, where: Path) -> Bench:
        return Bench({}, where)

    def tomorrow(self) -> None:
        """Rackspace knows no tokens that it could forget."""

    def standing(self, bench: benches.Bench) -> int:
        return sum(o.kind == "machine" and o.state != "deleting" for o in bench.cloud.list(lab.OWNER))


@pytest.fixture
def kill(strict: lab.Strict, ram: Path) -> Killing:
    return Killing(strict, ram, step=1 if killing.FULL else 23)


def test_up(kill: Killing) -> None:
    kill.up(first=5, least=40)


def test_down(kill: Killing) -> None:
    kill.down(first=4, least=25)
