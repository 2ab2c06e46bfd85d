from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ram() -> Iterator[Path]:
    """A directory in memory: kill -9 loses nothing that is written, so a thousand runs need not wait for a disk."""
    with in_memory() as path:
        yield path
