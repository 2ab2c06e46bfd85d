"""kill -9 on OpenStack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.emulated import killing
from tests.emulated.openstack import lab
from tests.emulated.openstack.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated import bench as benches


@dataclass
class Killing(killing.Killing):
    def bench(self, where: Path) -> Bench:
        return Bench({}, where, floating=killing.FULL, share="kill")

    def tomorrow(self) -> None:
        """OpenStack knows no tokens that it could forget."""

    def forked(self, bench: benches.Bench) -> None:
        lab._CONNECTIONS.clear()  # they belong to the process that made them
        bench.connect()

    def standing(self, bench: benches.Bench) -> int:
        # What is being deleted, or has been, is made again.
        return sum(o.kind == "machine" and o.state != "deleting" for o in bench.cloud.list(lab.OWNER))


@pytest.fixture
def kill(strict: lab.Strict, ram: Path) -> Killing:
    return Killing(strict, ram, step=1 if killing.FULL else 23)


def test_up(kill: Killing) -> None:
    kill.up(first=5, least=60)


def test_down(kill: Killing) -> None:
    kill.down(first=4, least=40)
