"""The EC2 provider passes the suite that every provider passes, against the strict EC2."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provision.testing.conformance import Conformance
from provision.testing.rig import Rig
from tests.emulated.ec2 import lab
from tests.emulated.ec2.lab import existing, strict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.model import Json

__all__ = ["existing", "strict"]

CALLS = {"create": "RunInstances", "change": "CreateTags", "delete": "TerminateInstances"}


class TestEC2(Conformance):
    @pytest.fixture
    def rig(self, strict: lab.Strict, existing: Json, tmp_path: Path) -> Rig:
        # In an existing VPC, but with a group and a key pair of its own: parts enough, in few calls.
        vpc = {k: v for k, v in existing["vpc"].items() if k != "security_groups"}
        given = {k: v for k, v in existing.items() if k != "key_name"} | {"vpc": vpc}

        @contextmanager
        def lose_answer(operation: str) -> Iterator[None]:
            strict.faults({"action": CALLS[operation], "reset": True, "after": True})
            yield
            strict.faults()

        @contextmanager
        def break_batch(operation: str, _after: int) -> Iterator[None]:
            # One call makes the whole batch, so what can break is its answer.
            strict.faults({"action": CALLS[operation], "code": "InternalError", "status": 500, "after": True})
            yield
            strict.faults()

        wanted = lab.wanted(given, ["core-0"])
        return Rig(lambda: lab.provider(given, tmp_path), wanted, "{}", lose_answer, break_batch, patience=20)
