"""kill -9 on GCE, on a network of the cluster's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.emulated import killing
from tests.emulated.gce import lab
from tests.emulated.gce.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated import bench as benches


@dataclass
class Killing(killing.Killing):
    kind: ClassVar[str] = "instances"

    strict: lab.Strict

    def bench(self, where: Path) -> Bench:
        return Bench(lab.options(), where)

    def forked(self, bench: benches.Bench) -> None:
        for client in bench.cloud._cloud._clients.values():
            client.transport._session.close()

    def standing(self, bench: object) -> int:
        self.strict.wait_settled()
        return self.there()


@pytest.fixture
def kill(strict: lab.Strict, ram: Path) -> Killing:
    # The clients are made once, before the forks.
    list(lab.provider(lab.options(), ram).list(lab.OWNER))
    return Killing(strict, ram, step=1 if killing.FULL else 29)


def test_up(kill: Killing) -> None:
    kill.up(first=3, least=60)


def test_down(kill: Killing) -> None:
    kill.down(first=2, least=30)
