from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.apply.observe import observe
from provision.apply.retry import Pace
from provision.errors import Kind, ProviderError
from provision.testing.faults import Fault
from tests.crash.harness import OWNER, QUICK, Bench, now

if TYPE_CHECKING:
    from pathlib import Path


def test_all_providers_are_asked(tmp_path: Path) -> None:
    near, far = Bench(tmp_path / "near", voters=1, workers=0), Bench(tmp_path / "far", voters=0, workers=1)
    near.up()
    far.up()
    found = observe({"a": near.cloud, "b": far.cloud}, OWNER, clock=now)
    assert [o.name for o in found if o.kind == "machine"] == ["core-0", "worker-0"]


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.AMBIGUOUS, Kind.UNAVAILABLE])
def test_it_asks_again(tmp_path: Path, kind: Kind) -> None:
    bench = Bench(tmp_path)
    bench.cloud.inject(Fault("list", kind, times=3))
    assert observe({"fake": bench.cloud}, OWNER, clock=now, pace=QUICK) == []
    assert bench.cloud.calls()["list"] == 4


def test_it_never_takes_silence_for_absence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.cloud.inject(Fault("list", Kind.UNAVAILABLE, times=-1))
    with pytest.raises(ProviderError) as caught:
        observe({"fake": bench.cloud}, OWNER, clock=now, pace=replace(QUICK, patience=0.05))
    assert caught.value.provider == "fake"


def test_a_bug_in_a_provider_is_raised(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.cloud.list = lambda owner: 1 / 0  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        observe({"fake": bench.cloud}, OWNER, clock=now)


def test_what_was_made_a_moment_ago_is_looked_for_again(tmp_path: Path) -> None:
    """Reads may lag: a machine that was made a moment ago and is not listed is not taken for gone."""
    bench = Bench(tmp_path, traits={"settle": 20.0})
    bench.up()
    hidden = [o for o in bench.cloud.list(OWNER) if o.name != "core-1"]
    everything, answers = bench.cloud.list, [iter(hidden), iter(hidden)]
    bench.cloud.list = lambda owner: answers.pop() if answers else everything(owner)  # type: ignore[method-assign]
    found = observe({"fake": bench.cloud}, OWNER, clock=now, recorded=bench.state().recorded, pace=Pace(poll=0.01))
    assert "core-1" in {o.name for o in found}


def test_what_was_made_long_ago_is_not_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, traits={"settle": 0.0})
    bench.up()
    bench.cloud.list = lambda owner: iter(())  # type: ignore[method-assign]
    assert observe({"fake": bench.cloud}, OWNER, clock=now, recorded=bench.state().recorded) == []
