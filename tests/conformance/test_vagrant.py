"""The Vagrant provider passes the suite that every provider passes, with a stub that keeps machines as Vagrant does."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provision.testing.conformance import Conformance
from provision.testing.rig import Rig
from provision_vagrant import runner
from tests.unit.providers.vagrant.kit import PAYLOAD, kit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY = {"class": "Vagrant::Errors::EnvironmentLockedError", "words": "another process has the environment"}
NO_MEMORY = {"class": "Fog::Errors::Error", "words": "Call to virDomainCreate failed: cannot set up guest memory"}


class TestVagrant(Conformance):
    @pytest.fixture
    def rig(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
        with kit(tmp_path, monkeypatch) as computer:

            @contextmanager
            def lose_answer(operation: str) -> Iterator[None]:
                if operation == "create":  # it is made, and Vagrant does not say so
                    computer.faults(status=BUSY)
                    yield
                else:  # it is removed, and Vagrant does not come to its end
                    computer.faults(destroy={"hang_after": True})
                    with monkeypatch.context() as patch:
                        patch.setattr(runner, "SLOW", 2.0)
                        patch.setattr(runner, "GRACE", ((signal.SIGKILL, 0.0),))
                        yield
                computer.faults()

            @contextmanager
            def break_batch(_operation: str, after: int) -> Iterator[None]:
                computer.faults(up={f"worker-{n}": NO_MEMORY for n in range(after, 3)})
                yield
                computer.faults()

            yield Rig(computer.connect, computer.wanted(), PAYLOAD, lose_answer, break_batch, many=3)
            assert computer.hypervisor() == []
            assert not list(computer.context.work.glob("*"))
