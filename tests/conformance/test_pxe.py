"""The provider for bare metal passes the suite that every provider passes, with real power commands."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind, ProviderError
from provision.model import Labels, MachineWanted, Wanted
from provision.testing.conformance import Conformance
from provision.testing.rig import Rig
from provision_pxe.power import command
from tests.unit.providers.pxe.kit import Rack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UID = "3d0f0f0e-3f55-4a3e-8f0a-6ce3f4f0a5d1"
LABELS = Labels("rack", UID, "", 1, "me@example.org", "2030-01-01T00:00:00Z", "0123456789abcdef")
PAYLOAD = '{"ignition":{"version":"3.3.0"}}'


@contextmanager
def failing_after(calls: int) -> Iterator[None]:
    """The network to the management controllers breaks after so many orders: the last one's answer is lost."""
    real, count = command.Power._run, 0

    def run(self: command.Power, words: list[str]) -> str:
        nonlocal count
        said = real(self, words) if count <= calls else ""
        count += 1
        if count > calls:
            raise ProviderError("the network is down", kind=Kind.UNAVAILABLE, retryable=True)
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command.Power, "_run", run)
        yield


class TestPXE(Conformance):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        rack = Rack(tmp_path, count=12)

        def model(name: str) -> MachineWanted:
            number = int(name.rpartition("-")[2]) + (5 if name.startswith("worker") else 0)
            options = {**rack.options, "machine": f"node-{number}"}
            return MachineWanted(name, "core", "lab", "", str(rack.image), options, address=f"10.98.0.{10 + number}")

        wanted = Wanted("rack", UID, LABELS, (model("core-0"),), rack.options, subnet="10.98.0.0/24")
        lose, broken = (lambda _: failing_after(0)), (lambda _, after: failing_after(after))
        return Rig(rack.provider, wanted, PAYLOAD, lose, broken, model=model, many=7)
