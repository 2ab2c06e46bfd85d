"""The strict OpenStack answers as the real one does, and refuses what that refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.emulated.openstack import lab, shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.openstack.lab import Strict


def test_answers_have_the_shapes_that_the_real_services_answer_with(strict: Strict, tmp_path: Path) -> None:
    strict.ask("set", {"build": 2})  # what is being built must be seen so on a busy computer, too
    ours = shapes.record(lab.provider({}, tmp_path)._cloud)
    strict.ask("set", {"build": 0.04})
    assert list(shapes.differences(json.loads(shapes.FILE.read_text()), ours)) == []
    assert strict.world() == {}
