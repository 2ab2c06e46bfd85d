"""The OpenStack provider passes the suite that every provider passes, against the strict OpenStack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.testing.conformance import Conformance
from tests.emulated.openstack import lab
from tests.emulated.openstack.lab import strict
from tests.emulated.openstack.patient import Patient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["strict"]

CALLS = {"create": "POST /servers", "change": "POST /servers/*/metadata", "delete": "DELETE /servers/*"}


class TestOpenStack(Conformance):
    @pytest.fixture
    def rig(self, strict: lab.Strict, tmp_path: Path) -> Patient:
        given = {**lab.PLAIN, "router": False}
        image = lab.image(lab.provider(given, tmp_path, share="conformance"))
        wanted = lab.wanted(given, ["core-0"], image)

        def lose_answer(operation: str) -> AbstractContextManager[None]:
            return _struck(strict, {"call": CALLS[operation], "reset": True, "after": True})

        def break_batch(operation: str, _after: int) -> AbstractContextManager[None]:
            # One call makes the whole batch, so what can break is its answer.
            return _struck(strict, {"call": CALLS[operation], "status": 500, "after": True})

        return Patient(
            lambda: lab.provider(given, tmp_path, share="conformance"),
            wanted,
            lab.PAYLOAD,
            lose_answer,
            break_batch,
            patience=20,
        )


def _struck(strict: lab.Strict, fault: dict[str, object]) -> AbstractContextManager[None]:
    from contextlib import contextmanager

    @contextmanager
    def striking() -> Iterator[None]:
        strict.faults(fault)
        yield
        strict.faults()

    return striking()
