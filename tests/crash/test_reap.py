"""kill -9 at every point of the reaper; then the reaper again: what has expired is gone, and nothing else is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from provision.model import MACHINE, Labels, Request, creation_token
from provision.sprawl import ask, inventory
from provision.sprawl.accounts import Account
from provision.sprawl.prices import Prices
from provision.sprawl.reap import Fate, Reaper, Terms, Verdict, judge
from provision.state import home

from .harness import LABELS, OWNER, QUICK, Bench, now
from .points import STORE, Points, killed_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision.state.local import LocalStore

EXPIRED = replace(LABELS, expires="2020-01-01T00:00:00Z")
OTHER = Labels("keep", "0d0f7c52-93f0-4f0b-8f53-0f5ad6ff2a11", "", 1, "bob", "2099-01-01T00:00:00Z", "0" * 16)
KEPT = ["keep-1", "keep-2"]


@dataclass
class Estate(Bench):
    """An expired cluster, and one beside it that lives on; the first one's state is here, or was lost."""

    tended: bool = True

    @property
    def states(self) -> Path:
        return self.root / "states"

    def store(self) -> LocalStore:
        return home.store(self.states, OWNER)

    def prepare(self) -> None:
        self.labels = EXPIRED
        self.up()
        for name in KEPT:
            token = creation_token(OTHER.uid, name, 1)
            list(self.cloud.create([Request(MACHINE, name, "fake", replace(OTHER, machine=name), token)]))
        if self.tended:
            home.remember(self.states, home.Known(*_pair(), str(self.root / "cluster.yaml"), {"fake": {}}))
        else:
            shutil.rmtree(self.states)
        self.cloud.database.close()

    def verdicts(self) -> list[Verdict]:
        account = Account("fake", "fake", {})
        account.__dict__["provider"] = self.cloud
        answers = ask.everything([account], timeout=20)
        return judge(inventory.take(answers, (), Prices(), now()), Terms(timedelta(0)))

    def reap(self) -> list[Verdict]:
        reaper = Reaper(Terms(timedelta(0)), [self.states], self.events.append, QUICK)
        return [reaper.reap(verdict) for verdict in self.verdicts()]


def _pair() -> tuple[str, str]:
    return OWNER.cluster, OWNER.uid


def _armed(estate: Estate) -> Callable[[Points], None]:
    """Put points into the cloud and the state of the child that is to die."""

    def run(points: Points) -> None:
        points.arm(estate)
        opened = home.store
        home.store = lambda *where: points.wrap(opened(*where), STORE)
        estate.reap()

    return run


@pytest.mark.parametrize("tended", [True, False], ids=["tended", "orphaned"])
def test_a_reaper_that_was_killed_goes_on(ram: Path, tended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = Estate(ram / "prepared", tended=tended)
    prepared.prepare()
    number, deaths = 1, 0
    while True:
        root = ram / str(number)
        shutil.copytree(prepared.root, root)
        monkeypatch.setenv("PROVISION_STATE_DIR", str(root / "states"))
        estate = Estate(root, tended=tended)
        if not killed_at(number, _armed(estate)):
            break
        deaths += 1
        estate = Estate(root, tended=tended)
        assert all(v.fate is Fate.REAPED for v in estate.reap())
        assert estate.names() == KEPT
        assert estate.reap() == []
        estate.cloud.database.close()
        shutil.rmtree(root)
        number += 2
    assert deaths > 10, "the points are not where they should be"
    assert Estate(root, tended=tended).names() == KEPT
