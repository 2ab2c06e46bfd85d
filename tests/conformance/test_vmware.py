"""The VMware provider passes the suite that every provider passes, on a vCenter and on a host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provision.testing.conformance import Conformance
from provision.testing.rig import Rig
from tests.lab.vcsim import image, lab
from tests.lab.vcsim.lab import credentials, esxi, vcenter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.model import Json

__all__ = ["credentials", "esxi", "vcenter"]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


def rig(simulator: lab.Simulator, given: Json, where: Path, creation: str) -> Rig:
    calls = {"create": creation, "change": "ReconfigVM_Task", "delete": "Destroy_Task"}

    @contextmanager
    def lose_answer(operation: str) -> Iterator[None]:
        simulator.faults({"method": calls[operation], "after": True})
        yield
        simulator.faults()

    @contextmanager
    def break_batch(operation: str, after: int) -> Iterator[None]:
        simulator.faults({"method": calls[operation], "match": f"worker-{after}", "drop": True})
        yield
        simulator.faults()

    wanted = lab.wanted(given, ["core-0"])
    return Rig(lambda: lab.provider(given, where), wanted, lab.PAYLOAD, lose_answer, break_batch, patience=30)


class TestVCenter(Conformance):
    @pytest.fixture
    def rig(self, vcenter: lab.Simulator, tmp_path: Path) -> Rig:
        return rig(vcenter, vcenter.options(), tmp_path, "CloneVM_Task")


class TestVCenterWithConsoles(Conformance):
    """A console is a step more between the clone and the first start."""

    @pytest.fixture
    def rig(self, vcenter: lab.Simulator, tmp_path: Path) -> Rig:
        return rig(vcenter, vcenter.options(console=True, hardware_version=17), tmp_path, "CloneVM_Task")


class TestESXi(Conformance):
    """A host makes machines in more steps: an empty one, a copy of the image's disk, the rest."""

    @pytest.fixture
    def rig(self, esxi: lab.Simulator, tmp_path: Path) -> Rig:
        ova = image.made(tmp_path)
        given = esxi.options(image=ova.name)
        lab.provider(given, tmp_path).import_image(ova.name, lambda _done, _total: None)
        return rig(esxi, given, tmp_path, "CreateVM_Task")
