"""The GCE provider passes the suite that every provider passes, against the strict GCE."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provision.testing.conformance import Conformance
from provision.testing.rig import Rig
from tests.emulated.gce import lab
from tests.emulated.gce.lab import strict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["strict"]

CALLS = {
    "create": ("instances.insert", "instances.bulkInsert"),
    "change": ("instances.setLabels",),
    "delete": ("instances.delete",),
}


class TestGCE(Conformance):
    @pytest.fixture
    def rig(self, strict: lab.Strict, tmp_path: Path) -> Rig:
        given = {**lab.options(), "restart_to_extend": True}  # the suite moves a running machine's deadline

        @contextmanager
        def lose_answer(operation: str) -> Iterator[None]:
            strict.faults(*({"action": call, "reset": True, "after": True} for call in CALLS[operation]))
            yield
            strict.faults()

        @contextmanager
        def break_batch(operation: str, _after: int) -> Iterator[None]:
            # One call makes the whole batch, so what can break is its answer.
            fault = {"reason": "backendError", "status": 503, "after": True}
            strict.faults(*({"action": call, **fault} for call in CALLS[operation]))
            yield
            strict.faults()

        wanted = lab.wanted(given, ["core-0"])
        return Rig(lambda: lab.provider(given, tmp_path), wanted, "{}", lose_answer, break_batch, patience=20)
