from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.harness import in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory in memory, so that these tests need not wait for a disk."""
    with in_memory() as path:
        yield path
