"""The Rackspace provider passes the suite that every provider passes, against mimic behind the strict proxy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provision.testing.conformance import Conformance
from tests.emulated.openstack.patient import Patient
from tests.emulated.rackspace import lab
from tests.emulated.rackspace.lab import strict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["strict"]

CALLS = {"create": "POST /servers", "change": "POST /servers/*/metadata", "delete": "DELETE /servers/*"}


class TestRackspace(Conformance):
    @pytest.fixture
    def rig(self, strict: lab.Strict, tmp_path: Path) -> Patient:
        cloud = lab.provider({}, tmp_path)

        @contextmanager
        def struck(operation: str, **fault: object) -> Iterator[None]:
            strict.faults({"call": CALLS[operation], "after": True, **fault})
            yield
            strict.faults()

        def lose_answer(operation: str) -> AbstractContextManager[None]:
            return struck(operation, reset=True)

        def break_batch(operation: str, _after: int) -> AbstractContextManager[None]:
            return struck(operation, status=500)

        wanted = lab.wanted({}, [lab.machine("core-0", {}, lab.image(cloud))])
        return Patient(lambda: lab.provider({}, tmp_path), wanted, lab.PAYLOAD, lose_answer, break_batch, patience=20)
