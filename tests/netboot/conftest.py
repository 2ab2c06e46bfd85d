from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netboot import bench as benches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netboot.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with benches.bench(tmp_path) as found:
        yield found
